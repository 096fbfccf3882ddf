"""The page about the model in the box, from its numbers alone."""

from __future__ import annotations

import platform
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from boxnumbers import Beside, Numbers
from measure import PROTOCOLS, SHORT, STATED_ERROR
from protocol import BY_ARTIST, BY_COLLECTION, CLIPS, GTZAN_ALONE
from sounds import WHOLE

from genrekit.bundles import load_bundle
from genrekit.evaluation import wilson
from genrekit.pages import interval, percent, points

_WHAT = {
    BY_COLLECTION: "GTZAN and other collections train, a collection at a time is tested",
    BY_ARTIST: "GTZAN and other artists of the same collections train, in eight folds",
    GTZAN_ALONE: "GTZAN alone trains, all else is tested",
    CLIPS: "GTZAN's clips in four folds, artists on both sides (flatters)",
}


def render(numbers: Numbers, bundle: Path) -> str:
    """The page as Markdown."""
    blocks = (
        _head(numbers, bundle),
        _headline(numbers),
        _genres(numbers),
        _beside(numbers),
        _encoder(numbers),
        _conditions(numbers),
        _unknown(numbers),
        _tags(numbers),
        _cost(numbers),
        _confusions(numbers),
    )
    return "\n".join(line for block in blocks for line in (*block, ""))


def _head(numbers: Numbers, bundle: Path) -> Iterator[str]:
    manifest = load_bundle(bundle).manifest
    yield "# The model in the box"
    yield ""
    yield (
        f"`{manifest.name}` {manifest.version}, made by `genrekit train "
        "recipes/distil/musicnn.yaml -o encoder`, then `python benchmarks/box/make.py encoder -o "
        "src/genrekit/bundles/packaged/box --numbers docs/results/box.json --page "
        f"docs/results/box.md --before BUNDLE --beside yamnet --beside choi2017 "
        f"--recorded SOUNDS --not-music NOT_MUSIC`, {numbers.minutes:.0f} minutes on "
        f"two cores ({platform.machine()}) that other work kept busy, without embeddings that "
        "earlier runs had kept. Both folders of sounds are made by `benchmarks/box/not_music.py`."
    )
    yield ""
    yield manifest.description
    yield ""
    settings = ", ".join(f"`{name}: {value:g}`" for name, value in numbers.settings.items())
    yield (
        f"Settings of the genre head ({settings}) were chosen among some two hundred by "
        "the protocols outside GTZAN below, with the teacher's embedding and with students, so "
        "those lines are a little too good. No clip from outside GTZAN ever trained the encoder. "
        "Intervals are 95 %, "
        "by artist where several clips are of one."
    )


def _headline(numbers: Numbers) -> Iterator[str]:
    yield "## How good it is on music that users have"
    yield ""
    headline = numbers.results[BY_COLLECTION]
    yield (
        f"**{interval(headline.accuracy)} of {headline.items} clips outside GTZAN are classified "
        "correctly when neither their collection nor their artist is in training.** The same with "
        "every clip cut at 4 kHz, since bandwidth alone gives two collections away:"
    )
    yield ""
    yield (
        "| training, test | tracks | accuracy | macro recall | macro F1 | log loss | "
        "cut at 4 kHz: accuracy | macro recall |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for protocol in PROTOCOLS:
        one, cut = numbers.results[protocol], numbers.cut[protocol]
        whole, limited = numbers.macro[protocol]
        yield (
            f"| {_WHAT[protocol]} | {one.items} | {interval(one.accuracy)} | {whole:.3f} | "
            f"{interval(one.macro_f1)} | {one.log_loss:.3f} | {interval(cut.accuracy)} | "
            f"{limited:.3f} |"
        )


def _genres(numbers: Numbers) -> Iterator[str]:
    yield "### By genre, collections held out"
    yield ""
    yield "| genre | tracks | precision | recall | F1 |"
    yield "| --- | --- | --- | --- | --- |"
    for one in numbers.results[BY_COLLECTION].per_genre:
        cells = (_share(one.precision), _share(one.recall), _share(one.f1))
        yield f"| {one.genre} | {one.tracks} | {' | '.join(cells)} |"
    yield ""
    yield (
        "Blues and jazz are nearly all of one collection with audio of 8 kHz; pop and rock are "
        "mostly of one whose pop and rock overlap; country, disco, metal and reggae have five or "
        "six clips each."
    )


def _share(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.2f}"


def _beside(numbers: Numbers) -> Iterator[str]:
    yield "## Other routes, with the same heads in the same rounds"
    yield ""
    yield from _rows(numbers.beside)
    yield ""
    yield (
        "The head with other settings, without the detector of what is not music. Settings were "
        "chosen for audio as it is: narrow copies in training trade that for narrow audio."
    )
    yield ""
    yield from _rows(numbers.ablations)


def _rows(rows: Sequence[Beside]) -> Iterator[str]:
    yield "| route | protocol | tracks | accuracy | macro recall |"
    yield "| --- | --- | --- | --- | --- |"
    for one in rows:
        yield (
            f"| {one.name} | {one.protocol} | {one.tracks} | {interval(one.accuracy)} | "
            f"{one.macro:.3f} |"
        )


def _encoder(numbers: Numbers) -> Iterator[str]:
    yield "## The encoder and its teacher"
    yield ""
    yield (
        "Share of the variance of the teacher's embedding that is explained, the mean over its 200 "
        "columns, on music outside training:"
    )
    yield ""
    yield "| music | files | R² per window of 3 s | R² per clip |"
    yield "| --- | --- | --- | --- |"
    for one in numbers.agreement:
        yield f"| {one.music} | {one.files} | {one.r2_windows:.3f} | {one.r2_files:.3f} |"


def _conditions(numbers: Numbers) -> Iterator[str]:
    yield "## Under every condition"
    yield ""
    yield (
        "Points lost are those of the same tracks, with an interval by resampling artists. "
        f"'{SHORT}' is the mean over three places of a clip."
    )
    yield ""
    yield (
        "| condition | outside, collections held out | points lost | called unknown | "
        "GTZAN's clips in folds | points lost |"
    )
    yield "| --- | --- | --- | --- | --- | --- |"
    outside, clips = numbers.conditions[BY_COLLECTION], numbers.conditions[CLIPS]
    for name, one in outside.items():
        other = clips[name]
        lost = "" if name == WHOLE else points(one.lost)
        also = "" if name == WHOLE else points(other.lost)
        yield (
            f"| {name} | {interval(one.accuracy)} | {lost} | {percent(one.unknown)} | "
            f"{interval(other.accuracy)} | {also} |"
        )


def _unknown(numbers: Numbers) -> Iterator[str]:
    yield "## When it says unknown"
    yield ""
    yield (
        f"Temperature {numbers.temperature:.2f}, fitted on tracks outside training. Below a "
        f"probability of {numbers.unknown_below:.3g} the answer is `unknown`: the lowest "
        f"threshold, from 0.25 on, at which at most {percent(STATED_ERROR)} of the answers are "
        "wrong, on clips outside GTZAN, with whole collections held out and with artists held out "
        "together."
    )
    yield ""
    yield "| threshold | answered | wrong among the answers |"
    yield "| --- | --- | --- |"
    for one in numbers.coverage[::2]:
        yield f"| {one.threshold:.3f} | {percent(one.coverage)} | {percent(one.error)} |"
    yield ""
    yield "Sounds that were not trained on. Silence is named by the decoder."
    yield ""
    yield "| sound | called unknown |"
    yield "| --- | --- |"
    for name, (hits, total) in numbers.sounds.items():
        yield f"| {name} | {hits} of {total} {interval(wilson(hits, total))} |"
    yield ""
    right = sum(genre == answer for genre, answer in numbers.demo.items())
    wrong = ", ".join(f"{one} ({answer})" for one, answer in numbers.demo.items() if one != answer)
    yield (
        f"Of the ten synthetic tracks of `genrekit demo`, which trained no label, {right} are "
        f"named right{f'; not {wrong}' if wrong else ''}."
    )


def _tags(numbers: Numbers) -> Iterator[str]:
    yield "## Tags and wider genres"
    yield ""
    yield (
        "Tags can be checked against the teacher alone, for want of labels: on "
        f"{numbers.tags['tracks']:.0f} clips outside GTZAN, by tags fitted on GTZAN's clips and "
        "snippets."
    )
    yield ""
    for name, value in numbers.tags.items():
        if name != "tracks":
            yield f"- {name}: {value:.3f}"


def _cost(numbers: Numbers) -> Iterator[str]:
    cost = numbers.cost
    yield "## Cost"
    yield ""
    yield (
        f"{cost['megabytes']:.1f} MB. Median of 15 predictions of 30 s on one thread of the "
        f"machine above: front-end {cost['frontend_ms']:.0f} ms, network {cost['model_ms']:.0f} ms."
    )
    if "long_seconds_before" in cost:
        now, before = cost["long_seconds"], cost["long_seconds_before"]
        yield ""
        yield (
            "Processor time of `predict` for the middle 30 s of a 4-minute stereo mp3, in turns "
            f"with the bundle before: {now:.3f} s against {before:.3f} s, {now / before:.2f} of "
            "it (medians of 15)."
        )


def _confusions(numbers: Numbers) -> Iterator[str]:
    headline = numbers.results[BY_COLLECTION]
    yield "## Confusions, with the tracks behind them"
    yield ""
    yield "Collections held out; rows are the truth."
    yield ""
    yield f"| | {' | '.join(headline.labels)} |"
    yield f"| --- |{' --- |' * len(headline.labels)}"
    for genre, row in zip(headline.labels, headline.confusion, strict=True):
        yield f"| {genre} | {' | '.join(map(str, row))} |"
    yield ""
    taken: dict[str, list[str]] = defaultdict(list)
    for one in numbers.mistakes:
        taken[f"{one.genre} taken for {one.answer}"].append(one.track)
    yield from (f"- {what}: {', '.join(tracks)}" for what, tracks in sorted(taken.items()))
