"""What the full descriptors change against the 57 usual features, on audio.

    python benchmarks/descriptors.py CLIPS SNIPPETS --output docs/results/descriptors.md

CLIPS and SNIPPETS are folders of GTZAN tracks in genre folders: whole clips, and short excerpts of
more tracks. Both front-ends see the same audio, and the same models the same splits.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from genrekit.datasets import Dataset, load_dataset
from genrekit.experiments import StudyCell, run_study
from genrekit.features import FeatureCache, build_frontend, extract
from genrekit.models.classical import ExtraTrees, Logistic, Svm
from genrekit.schema import DescriptorsConfig, Gtzan57Config
from genrekit.training import ProtocolConfig

FRONTENDS = (Gtzan57Config(), DescriptorsConfig())
MODELS = (Logistic(), Svm(), ExtraTrees())
ON_CLIPS = (ProtocolConfig(name="grouped-kfold"),)
ON_SNIPPETS = (
    ProtocolConfig(name="fault-filtered", fit_on="train"),
    ProtocolConfig(name="fault-filtered", fit_on="train+valid"),
)


def described(dataset: Dataset, config: Gtzan57Config | DescriptorsConfig) -> Dataset:
    """The tracks of ``dataset`` with features of one front-end in place of their audio."""
    paths = [item.path for item in dataset.items if item.path is not None]
    rows = []
    for one in extract(paths, config, workers=2, cache=FeatureCache.default()):
        if one.features is None:
            raise SystemExit(f"{one.path}: {one.error}")
        rows.append(one.features)
    return replace(
        dataset,
        features=np.array(rows, np.float64),
        feature_names=build_frontend(config).feature_names,
    )


def compare(what: str, dataset: Dataset, protocols: tuple[ProtocolConfig, ...]) -> Iterator[str]:
    """Rows of the page: one for each model and protocol, a column for each front-end."""
    cells: dict[tuple[str, str], list[StudyCell]] = {}
    for config in FRONTENDS:
        study = run_study(described(dataset, config), models=MODELS, protocols=protocols)
        for cell in study.result.cells:
            key = (cell.model.architecture, f"{cell.protocol.name}, {cell.protocol.fit_on}")
            cells.setdefault(key, []).append(cell)
    for (model, protocol), found in cells.items():
        numbers = " | ".join(
            f"{one.result.accuracy.value:.3f} "
            f"[{one.result.accuracy.low:.3f}, {one.result.accuracy.high:.3f}]"
            for one in found
        )
        yield f"| {what} | {protocol} | {found[0].result.items} | {model} | {numbers} |"


def main() -> None:
    """Compare, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    parser.add_argument("snippets", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    names = " | ".join(config.kind for config in FRONTENDS)
    lines = [
        "# Descriptors against the 57 usual features",
        "",
        "Made by `python benchmarks/descriptors.py CLIPS SNIPPETS --output "
        "docs/results/descriptors.md`.",
        "Accuracy with a 95 % Wilson interval; default settings, nothing tuned.",
        "",
        f"| audio | protocol | test tracks | model | {names} |",
        "|---|---|---|---|---|---|",
        *compare("30-s clips", load_dataset("gtzan", options.clips), ON_CLIPS),
        *compare("2.5-s snippets", load_dataset("gtzan", options.snippets), ON_SNIPPETS),
        "",
        "The clips are eight neighbouring ids of each genre, often by one artist, so their",
        "cross-validation is optimistic for both. Where intervals overlap, the difference is no",
        "evidence that one front-end is better.",
    ]
    options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
