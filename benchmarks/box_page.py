"""The page about the model in the box, from its numbers."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from genrekit.audio import AUDIO_SUFFIXES, JUKEBOX_GENRES, Waveform, decode, synthesise
from genrekit.audio.nonmusic import NONMUSIC_KINDS, synthesise_nonmusic
from genrekit.bundles import load_bundle
from genrekit.evaluation import wilson
from genrekit.evaluation.numbers import interval, points
from genrekit.inference import Classifier
from genrekit.schema import UNKNOWN, Estimate, EvaluationResult
from genrekit.training.box.measure import SHORT_ANYWHERE, Measured
from genrekit.training.box.recipe import BoxRecipe

_FRESH_SEED = 5000
_EACH = 5
_TIMED = 15
_BEST = 3


class Numbers(Measured):
    """What was measured, and how long all of it took."""

    minutes: float


def render(
    recipe: BoxRecipe,
    numbers: Numbers,
    bundle: Path,
    *,
    recorded: Path | None = None,
    beside: Sequence[Path] = (),
    networks: Path | None = None,
) -> str:
    """The page as Markdown."""
    classifier = Classifier.load(bundle)
    blocks = (
        _head(recipe, numbers.minutes),
        _headline(numbers),
        _audio(recipe, numbers),
        _votes(numbers),
        _ablations(numbers),
        _others(beside, networks),
        _distillation(numbers),
        _unknown(classifier, recorded),
        _cost(classifier, bundle),
        _confusions(numbers),
    )
    return "\n".join(line for block in blocks for line in (*block, ""))


def _head(recipe: BoxRecipe, minutes: float) -> Iterator[str]:
    yield "# The model in the box"
    yield ""
    yield (
        "Made by `python benchmarks/box.py recipes/box.yaml -o src/genrekit/bundles/packaged/box "
        "--numbers docs/results/box.json --page docs/results/box.md --networks "
        "docs/results/deep.json --beside YAMNET --beside CHOI --recorded SOUNDS --overwrite`, in "
        f"{minutes:.0f} minutes on {os.cpu_count()} cores ({platform.machine()}) that other work "
        "kept busy."
    )
    yield ""
    yield (
        "A small network (five convolutions, 32 maps each) begins with random weights and learns, "
        "without a label of any genre, to answer as Choi's compact CNN does. A linear map, fitted "
        "on the clips that are in both, takes what it says to the 160 features that were "
        "published of all tracks, and to the 50 tags that MSD-musicnn gives most of them. One "
        "logistic regression tells genres from those 210 columns and 50 of the 57 usual ones. What "
        "separates a published row from what is heard of its track (the map, an excerpt, a codec, "
        "another rate) is measured on clips and snippets as a line and a covariance for each way "
        "of hearing, and laid over every row that the regression learns from. Every window is "
        "brought to one level first, so how loud a file is does not matter."
    )
    yield ""
    yield (
        f"Settings (`c: {recipe.c:g}`, `ridge: {recipe.ridge:g}`, `clip_weight: "
        f"{recipe.clip_weight:g}`, `snippet_weight: {recipe.snippet_weight:g}`) were chosen among "
        "some seventy on the validation tracks and the clips in folds below; the fault-filtered "
        "numbers were seen for most of them. Intervals are 95 %."
    )


def _headline(measured: Measured) -> Iterator[str]:
    yield "## Headline: fault-filtered"
    yield ""
    yield (
        "Published features of the test tracks; listener, map, blurs and head saw training and "
        "validation tracks alone, the temperature is of validation tracks."
    )
    yield ""
    yield from _results([(f"seed {n}", one) for n, one in enumerate(measured.headline)])
    yield ""
    yield (
        f"From audio there are only {measured.snippets.items} cuts of 2 to 3 seconds of those "
        f"tracks: accuracy {interval(measured.snippets.accuracy)}. Whole clips of other artists: "
        f"{interval(measured.other_artists.accuracy)} of the {measured.other_artists.items} of "
        "validation tracks, by a fit on the training tracks alone, which are half as many as those "
        "that teach what ships. Settings were chosen on them."
    )
    if measured.left_out is not None:
        yield ""
        yield (
            f"Tracks left out of the shipped weights, by their published features: "
            f"{interval(measured.left_out.accuracy)} of {measured.left_out.items}. Other tracks "
            "of the same artists taught."
        )


def _audio(recipe: BoxRecipe, measured: Measured) -> Iterator[str]:
    whole = measured.audio["whole"]
    yield "## From audio: clips that nobody trained on, under every distortion"
    yield ""
    yield (
        f"{whole.items} clips of 30 s in {recipe.folds} folds; for each "
        "fold everything is fitted anew without any row or sound of its tracks. Optimistic: ids 0 "
        "to 7 of a genre are often of one artist, who is on both sides. Excerpts are from the "
        "middle, or lie so far between beginning and end; 3 s at 0 to 100 % are the middle of 10 s "
        "that lie there. Points lost are those of the "
        "same clips, with an interval by resampling them; of 3 s, over all five places: "
        f"{points(measured.lost[SHORT_ANYWHERE])}."
    )
    yield ""
    yield "| heard | accuracy | points lost | log loss | calibration error | called unknown |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for way, one in measured.audio.items():
        yield (
            f"| {way} | {interval(one.accuracy)} | {points(measured.lost[way])} | "
            f"{one.log_loss:.3f} | "
            f"{one.expected_calibration_error:.3f} | {measured.unknown[way]:.3f} |"
        )


def _votes(measured: Measured) -> Iterator[str]:
    yield (
        "The same clips heard at once, and by the mean of what is said of several windows, which "
        "takes as many times as long:"
    )
    yield ""
    yield from _results([("whole", measured.audio["whole"]), *measured.votes.items()])


def _ablations(measured: Measured) -> Iterator[str]:
    yield "## Routes"
    yield ""
    yield (
        "What each input is worth, and what learning from rows as they would be heard, and from "
        "sounds themselves, does. Features: fault-filtered test rows, seed 0, no artist of which "
        "is in training. Audio: the clips in folds, heard whole, whose artists are on both sides: "
        "where this column gains and the other loses, artists were learnt and not genres."
    )
    yield ""
    yield "| inputs | rows | features | audio |"
    yield "| --- | --- | --- | --- |"
    for one in measured.ablations:
        yield (f"| {one.inputs} | {one.rows} | {interval(one.features)} | {interval(one.audio)} |")


def _others(beside: Sequence[Path], networks: Path | None) -> Iterator[str]:
    """Routes that were not taken."""
    if not beside and networks is None:
        return
    yield (
        "Other routes: published networks that listen, each with one logistic regression, on the "
        "clips in the same folds; and networks of ours that learnt from pictures of all tracks, "
        "and from the table where it says 57 ([deep.md](deep.md)), the best first."
    )
    yield ""
    yield "| route | protocol | tracks | accuracy | MB of weights |"
    yield "| --- | --- | --- | --- | --- |"
    for folder in beside:
        yield _beside(folder)
    if networks is not None:
        yield from _pictures(networks)


def _beside(folder: Path) -> str:
    bundle = load_bundle(folder)
    result = bundle.metrics.results[0]
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    what = bundle.manifest.description.partition(". The")[0]
    return (
        f"| {what} | {result.protocol} | {result.items} | "
        f"{interval(result.accuracy)} | {size:.1f} |"
    )


def _pictures(networks: Path) -> Iterator[str]:
    found = [one for one in json.loads(networks.read_text()) if one["inputs"] != "57"]
    for one in sorted(found, key=lambda one: -one["honest"]["value"])[:_BEST]:
        honest = Estimate.model_validate(one["honest"])
        inputs = f"`{one['recipe']}` on {one['inputs']}"
        yield f"| {inputs} | fault-filtered | as in deep.md | {interval(honest)} | |"


def _distillation(measured: Measured) -> Iterator[str]:
    yield "## The listener and its teacher"
    yield ""
    shares = ", ".join(f"{one:.3f}" for one in measured.agreement)
    yield (
        f"Share of the teacher's variance that the listener explains, median over the 32 means of "
        f"each block, on clips that did not teach: {shares}. The teacher is Choi et al. (2017), "
        "MIT licence, trained on tags of the Million Song Dataset; its weights are not in the "
        f"bundle. Temperature {measured.temperature:.2f}."
    )


def _unknown(classifier: Classifier, recorded: Path | None) -> Iterator[str]:
    yield "## What is no music"
    yield ""
    yield "Sounds that taught nothing, through the bundle. Silence is named by the decoder."
    yield ""
    yield "| sound | called unknown |"
    yield "| --- | --- |"
    for kind in NONMUSIC_KINDS:
        made = [synthesise_nonmusic(kind, seed=_FRESH_SEED + n) for n in range(_EACH)]
        yield f"| synthesised {kind} | {_share(classifier, made)} |"
    if recorded is not None:
        files = sorted(one for one in recorded.iterdir() if one.suffix.lower() in AUDIO_SUFFIXES)
        rate = classifier.sample_rate_hz
        sounds = [decode(one, sample_rate_hz=rate) for one in files]
        minimum = classifier.bundle.manifest.windows.minimum_seconds
        yield (
            "| recorded speech and signals of Debian's alsa-utils and sound-theme-freedesktop, "
            "and speech by espeak-ng | "
            f"{_share(classifier, [one for one in sounds if one.seconds >= minimum])} |"
        )
    music = [synthesise(genre, seed=_FRESH_SEED) for genre in JUKEBOX_GENRES]
    yield f"| music by the jukebox | {_share(classifier, music)} |"


def _share(classifier: Classifier, sounds: list[Waveform]) -> str:
    hits = sum(classifier.predict(one).genre == UNKNOWN for one in sounds)
    return f"{hits} of {len(sounds)} {interval(wilson(hits, len(sounds)))}"


def _cost(classifier: Classifier, bundle: Path) -> Iterator[str]:
    clip = synthesise("rock", seed=_FRESH_SEED)
    timings = [classifier.predict(clip).timings_ms for _ in range(_TIMED)]
    model = statistics.median(one.model for one in timings if one)
    frontend = statistics.median(one.frontend for one in timings if one)
    size = sum(file.stat().st_size for file in bundle.iterdir())
    yield "## Cost"
    yield ""
    yield (
        f"{size / 1e6:.1f} MB. Median of {_TIMED} predictions of 30 s on the machine above: "
        f"front-ends {frontend:.0f} ms, model {model:.0f} ms."
    )


def _confusions(measured: Measured) -> Iterator[str]:
    whole = measured.audio["whole"]
    yield "## Confusions, with the tracks behind them"
    yield ""
    yield "Clips in folds, heard whole; rows are the truth."
    yield ""
    yield f"| | {' | '.join(whole.labels)} |"
    yield f"| --- | {' | '.join('---' for _ in whole.labels)} |"
    for genre, row in zip(whole.labels, whole.confusion, strict=True):
        yield f"| {genre} | {' | '.join(map(str, row))} |"
    yield ""
    taken: dict[str, list[str]] = defaultdict(list)
    for track, genre in measured.mistakes.items():
        taken[f"{track.split('.')[0]} taken for {genre}"].append(track)
    yield from (f"- {what}: {', '.join(tracks)}" for what, tracks in sorted(taken.items()))


def _results(rows: list[tuple[str, EvaluationResult]]) -> Iterator[str]:
    yield "| | tracks | accuracy | macro F1 | log loss | calibration error |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, one in rows:
        yield (
            f"| {name} | {one.items} | {interval(one.accuracy)} | {interval(one.macro_f1)} | "
            f"{one.log_loss:.3f} | {one.expected_calibration_error:.3f} |"
        )
