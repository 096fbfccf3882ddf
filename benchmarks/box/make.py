"""Make the model in the box, and measure it.

    genrekit train recipes/distil/musicnn.yaml -o encoder
    python benchmarks/box/make.py encoder -o src/genrekit/bundles/packaged/box \
        --numbers docs/results/box.json --page docs/results/box.md

GENREKIT_DATA is the folder of the data. The encoder never learns from clips outside GTZAN; heads
are fitted and measured by `protocol`, then fitted on everything and written.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from boxnumbers import Beside, Numbers
from graph import Fitted, export_again, learnt_audio, network_of, write
from heads import Examples, Settings, examples_of, fit_genres
from measure import (
    CUT_AT_4_KHZ,
    PROTOCOLS,
    ablations,
    answer,
    beside,
    detect,
    mistakes,
    model_beside,
    reference,
    results,
    risk_coverage,
    temperature_of,
    under_conditions,
    unknown_below,
)
from page import render
from protocol import BY_ARTIST, BY_COLLECTION, CLIPS, macro_recall
from sounds import CONDITIONS, NOISE, WHOLE, Embedded, audio_of, embed, read_sounds
from tags import fit_further, teacher_windows
from trials import demo_answers, nonmusic_windows, recorded_answers, time_prediction

from genrekit.bundles import load_bundle
from genrekit.files import cache_home
from genrekit.models.pretrained import PublishedConfig
from genrekit.models.pretrained.backbones import Musicnn, backbone_config
from genrekit.progress import Progress
from genrekit.schema import BundleMetrics, WindowConfig
from genrekit.terminal import progress_bars
from genrekit.training.backbone import Backbone, published_backbone
from genrekit.workers import cores

SETTINGS = Settings(c=0.1, noise=3.0, outside=2.0, snippets=1.5)
VERSION = "0.6.2"
DESCRIPTION = (
    "Ten genres, 50 tags and 32 wider genres from one embedding of windows of three seconds. The "
    "encoder learnt, from random weights and without labels, to give the penultimate layer of "
    "MSD-musicnn (Pons and Serra 2019, ISC licence), which was trained on tags of the Million Song "
    "Dataset. The genres learnt from GTZAN and from collections outside it; tags are the teacher's."
)
# Weights below the folder of the data, and the window that they take.
_BACKBONES = {
    "yamnet": ("weights/yamnet/yamnet.tflite", 3.0),
    "choi2017": ("weights/choi2017/compact_cnn_features_tensorflow.hdf5", 29.0),
}


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    if arguments.page_only:
        numbers = Numbers.model_validate_json(arguments.numbers.read_bytes())
        arguments.page.write_text(render(numbers, arguments.out), encoding="utf-8")
        return
    if arguments.ablations_only:
        numbers = Numbers.model_validate_json(arguments.numbers.read_bytes())
        _save(arguments, numbers.model_copy(update={"ablations": _ablations_of(arguments.out)}))
        return
    if arguments.graph_only:
        export_again(arguments.out, VERSION)
    if arguments.graph_only or arguments.bundle_only:
        numbers = Numbers.model_validate_json(arguments.numbers.read_bytes())
        _save(arguments, numbers.model_copy(update=_of_bundle(arguments)))
        return
    start = time.monotonic()
    data = Path(os.environ["GENREKIT_DATA"])
    with progress_bars() as progress:
        numbers = _make(arguments, data, progress)
    minutes = (time.monotonic() - start) / 60
    _save(arguments, numbers.model_copy(update={"minutes": minutes}))


def _save(arguments: argparse.Namespace, numbers: Numbers) -> None:
    arguments.numbers.write_text(numbers.model_dump_json(indent=1) + "\n", encoding="utf-8")
    arguments.page.write_text(render(numbers, arguments.out), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encoder", type=Path, nargs="?", help="bundle of the distilled encoder")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the bundle")
    parser.add_argument("--numbers", type=Path, required=True)
    parser.add_argument("--page", type=Path, required=True)
    parser.add_argument("--not-music", type=Path, help="folder of speech, to train the detector")
    parser.add_argument("--recorded", type=Path, help="folder of recorded sound that is not music")
    parser.add_argument(
        "--beside", action="append", default=[], choices=_BACKBONES, help="a backbone to compare"
    )
    parser.add_argument("--before", type=Path, help="the bundle that shipped before")
    parser.add_argument("--page-only", action="store_true", help="write the page of the numbers")
    parser.add_argument(
        "--bundle-only",
        action="store_true",
        help="measure again what needs no data: cost, demo, and sounds that are not music",
    )
    parser.add_argument(
        "--graph-only",
        action="store_true",
        help="export the graph from the bundle's weights first, and measure that again",
    )
    parser.add_argument(
        "--ablations-only",
        action="store_true",
        help="fit other heads on the bundle's embedding, and measure them again",
    )
    return parser.parse_args()


class Embed(Protocol):
    """Embeddings of some sounds in a condition, by a backbone."""

    def __call__(
        self, condition: str, numbers: Sequence[int] = ..., by: Path | Backbone = ...
    ) -> Embedded: ...


def _make(arguments: argparse.Namespace, data: Path, progress: Progress) -> Numbers:
    encoder, work = arguments.encoder.resolve(), cache_home() / "box"
    sounds = read_sounds(data)
    every = range(len(sounds))
    tested = [number for number, one in enumerate(sounds) if one.kind != "snippets"]

    def embedded(
        condition: str, numbers: Sequence[int] = every, by: Path | Backbone = encoder
    ) -> Embedded:
        return embed(by, sounds, numbers, condition, work, workers=cores(), progress=progress)

    whole = embedded(WHOLE)
    examples = examples_of(sounds, whole, embedded(NOISE))
    other = nonmusic_windows(encoder, arguments.not_music, progress)
    others = [name for name in CONDITIONS if name != WHOLE]
    conditions = {WHOLE: whole} | {name: embedded(name, tested) for name in others}
    answers = {
        protocol: answer(sounds, examples, SETTINGS, protocol, conditions, other)
        for protocol in PROTOCOLS
    }
    temperature = temperature_of([answers[BY_COLLECTION], answers[CLIPS]])
    curve = risk_coverage([answers[BY_COLLECTION], answers[BY_ARTIST]], temperature)
    threshold = unknown_below(curve)
    measured = results(sounds, answers, temperature, WHOLE)
    cut = results(sounds, answers, temperature, CUT_AT_4_KHZ)
    learnt = np.arange(len(sounds))
    head = fit_genres(examples, learnt, SETTINGS)
    teaching = teacher_windows(data, sounds, encoder, work, progress)
    further, heads, tags = fit_further(head, examples, teaching, sounds)
    fitted = Fitted(head, detect(head, examples, learnt, other), further)
    sample = np.stack(
        [
            load_bundle(encoder).features(audio_of(sounds[number].path, WHOLE)[: 3 * 16000])["mel"]
            for number in tested[::40]
        ]
    )
    write(
        network_of(encoder, fitted),
        encoder,
        sounds,
        BundleMetrics(
            results=tuple(measured[protocol] for protocol in PROTOCOLS),
            agreement=load_bundle(encoder).metrics.agreement,
            reference=reference(
                encoder, sounds, answers[BY_COLLECTION], temperature, threshold, BY_COLLECTION
            ),
            distorted={
                name: one.accuracy
                for name, one in under_conditions(
                    sounds, answers[BY_COLLECTION], temperature, threshold
                ).items()
            },
        ),
        heads,
        arguments.out,
        sample,
        settings={
            "version": VERSION,
            "description": DESCRIPTION,
            "temperature": temperature,
            "unknown_below": threshold,
            "fingerprint": hashlib.sha256(
                "".join(f"{one.track}{one.genre}" for one in sounds).encode()
            ).hexdigest(),
        },
        learnt=learnt_audio(sounds, progress),
    )
    teacher = _teacher_examples(data, examples, embedded)
    routes = [*beside("MSD-musicnn whole, the teacher", sounds, teacher, SETTINGS)]
    for name in arguments.beside:
        routes += beside(name, sounds, _backbone_examples(name, data, examples, embedded), SETTINGS)
    if arguments.before is not None:
        routes.append(model_beside(_name(arguments.before), arguments.before, sounds))
    return Numbers(
        settings={name: getattr(SETTINGS, name) for name in ("c", "noise", "outside", "snippets")},
        agreement=load_bundle(encoder).metrics.agreement,
        results=measured,
        cut=cut,
        macro={
            protocol: tuple(
                macro_recall(one.targets, one.logits[condition])
                for condition in (WHOLE, CUT_AT_4_KHZ)
            )
            for protocol, one in answers.items()
        },
        conditions={
            protocol: under_conditions(sounds, one, temperature, threshold)
            for protocol, one in answers.items()
        },
        beside=tuple(routes),
        ablations=ablations(sounds, replace(examples, cut=embedded(CUT_AT_4_KHZ)), SETTINGS),
        coverage=curve,
        temperature=temperature,
        unknown_below=threshold,
        tags=tags,
        mistakes=mistakes(sounds, answers[BY_COLLECTION]),
        minutes=0.0,
        **_of_bundle(arguments),
    )


def _ablations_of(bundle: Path) -> tuple[Beside, ...]:
    """Other heads on the embedding of a finished bundle, which is its encoder's."""
    sounds, work = read_sounds(Path(os.environ["GENREKIT_DATA"])), cache_home() / "box"
    with progress_bars() as progress:
        whole, noisy, cut = (
            embed(
                bundle.resolve(),
                sounds,
                range(len(sounds)),
                condition,
                work,
                workers=cores(),
                progress=progress,
            )
            for condition in (WHOLE, NOISE, CUT_AT_4_KHZ)
        )
    return ablations(sounds, examples_of(sounds, whole, noisy, cut), SETTINGS)


def _of_bundle(arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "sounds": recorded_answers(arguments.out, arguments.recorded),
        "demo": demo_answers(arguments.out),
        "cost": time_prediction(arguments.out, arguments.before),
    }


def _name(bundle: Path) -> str:
    manifest = load_bundle(bundle).manifest
    return f"{manifest.name} {manifest.version}, as it shipped"


def _teacher_examples(data: Path, examples: Examples, embedded: Embed) -> Examples:
    config = Musicnn(
        name="musicnn",
        weights=data / "weights/musicnn/msd_musicnn.safetensors",
        level_db=float(20 * np.log10(0.15)),
    )
    return _examples_by(config, 3.008, examples, embedded)


def _backbone_examples(name: str, data: Path, examples: Examples, embedded: Embed) -> Examples:
    file, seconds = _BACKBONES[name]
    return _examples_by(
        backbone_config({"name": name, "weights": data / file}), seconds, examples, embedded
    )


def _examples_by(
    config: PublishedConfig, seconds: float, examples: Examples, embedded: Embed
) -> Examples:
    windows = WindowConfig(window_seconds=seconds, hop_seconds=seconds, short="loop")
    backbone = published_backbone(config, windows, config.file)
    return replace(examples, whole=embedded(WHOLE, by=backbone), noisy=embedded(NOISE, by=backbone))


if __name__ == "__main__":
    main()
