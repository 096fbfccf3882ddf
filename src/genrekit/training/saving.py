"""Write what was fitted as a bundle, with where it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import genrekit
from genrekit.audio import synthesise
from genrekit.bundles import write_bundle
from genrekit.datasets import Dataset, Split, track_digest
from genrekit.features import frontend_fingerprint
from genrekit.models import NetworkConfig
from genrekit.schema import BundleMetrics, EvaluationResult, Int8Numbers, Manifest, Provenance
from genrekit.training.fit import INT8, Task
from genrekit.training.recipe import Recipe
from genrekit.training.rows import Rows

GOLDEN_SECONDS = 5.0
_REFITTED = (
    "The numbers are of the same recipe fitted by the protocol; these weights were then fitted "
    "once more, on everything."
)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted graph, the rows it was fitted on, further files, and how scores become answers."""

    model: bytes
    rows: Rows
    temperature: float
    files: Mapping[str, bytes] = field(default_factory=dict)
    thresholds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """What all stages of a run share."""

    recipe: Recipe
    task: Task
    dataset: Dataset
    rows: Rows
    left_out: tuple[str, ...]

    @property
    def shippable(self) -> Rows:
        """The rows that saved weights may see."""
        return self.rows.without_groups(self.left_out)


def save(
    out: Path,
    run: Run,
    split: Split,
    one: Fitted,
    results: Sequence[EvaluationResult],
    *,
    overwrite: bool,
) -> None:
    """Write the bundle ``out`` of one fit of a run, with ``results`` as its numbers."""
    recipe = run.recipe
    files = dict(one.files)
    measured = files.pop(INT8, None)
    manifest = Manifest(
        name=recipe.name,
        version=recipe.version,
        description=_description(recipe),
        licence=recipe.licence,
        architecture=recipe.model.architecture,
        task=run.dataset.task,
        labels=run.dataset.labels,
        frontends=recipe.frontends,
        frontend_fingerprints={
            name: frontend_fingerprint(config) for name, config in recipe.frontends.items()
        },
        excerpt=recipe.excerpt,
        windows=recipe.windows,
        temperature=one.temperature,
        unknown_below=recipe.unknown_below,
        thresholds=one.thresholds,
        parents=dict(run.task.parents),
        provenance=_provenance(run, split, one),
        versions=_versions(recipe),
    )
    write_bundle(
        out,
        manifest=manifest,
        model_onnx=one.model,
        metrics=BundleMetrics(
            results=tuple(results),
            int8=None if measured is None else Int8Numbers.model_validate_json(measured),
        ),
        golden=synthesise("jazz", seconds=GOLDEN_SECONDS, sample_rate_hz=manifest.sample_rate_hz),
        extra_files=files,
        overwrite=overwrite,
    )


def _description(recipe: Recipe) -> str:
    if recipe.final_fit == "protocol":
        return recipe.description
    return f"{recipe.description} {_REFITTED}".strip()


def _provenance(run: Run, split: Split, one: Fitted) -> Provenance:
    recipe = run.recipe
    digests = sorted({track_digest(group) for group in one.rows.groups})
    how = ", then refitted on everything" if recipe.final_fit == "everything" else ""
    left_out = f"{len(run.left_out)} recordings" if run.left_out else ""
    if left_out and recipe.leave_out_because:
        left_out = f"{left_out}: {recipe.leave_out_because}"
    return Provenance(
        dataset=run.dataset.name,
        dataset_fingerprint=run.dataset.fingerprint,
        split_fingerprint=split.fingerprint,
        protocol=f"{split.protocol}, {recipe.protocol.fit_on}{how}",
        tracks=len(digests),
        trained_on=tuple(digests),
        left_out=left_out,
        data_licence=run.dataset.info.licence,
        citation=run.dataset.info.citation,
        recipe=recipe.text,
    )


def _versions(recipe: Recipe) -> dict[str, str]:
    names = ["numpy", "scikit-learn", "scipy", "onnx"]
    if isinstance(recipe.model, NetworkConfig):
        names += ["torch", "safetensors"]
    members = getattr(recipe.model, "members", ())
    if "xgboost" in {recipe.model.architecture, *(member.architecture for member in members)}:
        names.append("xgboost-cpu")
    return {"genrekit": genrekit.__version__, **{name: version(name) for name in names}}
