"""Write what was fitted as a bundle, with where it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx

import genrekit
from genrekit.bundles import EMBEDDING, window_samples, write_bundle
from genrekit.datasets import Dataset, Split, track_digest
from genrekit.evaluation import LEARNT, Duplicates, Learnt, learnt_rows, learnt_sounds, read_learnt
from genrekit.features import build_frontend, frontend_fingerprint, table_columns
from genrekit.jukebox import synthesise
from genrekit.models import DistilHubert, NetworkConfig
from genrekit.models.pretrained import Pretrained
from genrekit.schema import (
    BundleMetrics,
    EvaluationResult,
    Int8Numbers,
    Manifest,
    Provenance,
    Reference,
)
from genrekit.training.backbone import Backbone, Origin
from genrekit.training.composing import check_composed, composed
from genrekit.training.fitting import INT8, Task
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
    """What all stages of a run share.

    Attributes
    ----------
    backbone : Backbone, optional
        What made the rows; it stands before the fitted graph in every bundle.
    origin : Origin, optional
        Of weights that were there before.
    results : Path, optional
        Folder for a results file of every protocol; None writes none.
    duplicates : Duplicates, optional
        What the audio holds, for the digests of what was learnt.
    cleaned : str
        What was done with the data before it was split.
    """

    recipe: Recipe
    task: Task
    dataset: Dataset
    rows: Rows
    left_out: tuple[str, ...]
    backbone: Backbone | None = None
    origin: Origin | None = None
    results: Path | None = None
    duplicates: Duplicates | None = None
    cleaned: str = ""

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
    reference: Reference | None = None,
    overwrite: bool,
) -> None:
    """Write the bundle ``out`` of one fit of a run, with ``results`` as its numbers."""
    recipe = run.recipe
    model = _whole_graph(run, one.model)
    files = dict(one.files)
    measured = files.pop(INT8, None)
    manifest = Manifest(
        name=recipe.name,
        version=recipe.version,
        description=_description(recipe),
        licence=_licence(run),
        architecture=_architecture(run),
        task=run.dataset.task,
        labels=run.dataset.labels,
        frontends=recipe.frontends,
        frontend_fingerprints={
            name: frontend_fingerprint(config) for name, config in recipe.frontends.items()
        },
        excerpt=recipe.excerpt,
        windows=recipe.windows,
        temperature=one.temperature,
        embedding_size=_embedding_size(model),
        unknown_below=recipe.unknown_below,
        thresholds=one.thresholds,
        parents=dict(run.task.parents),
        provenance=_provenance(run, split, one),
        versions=_versions(recipe),
    )
    write_bundle(
        out,
        manifest=manifest,
        model_onnx=model,
        metrics=BundleMetrics(
            results=tuple(results),
            int8=None if measured is None else Int8Numbers.model_validate_json(measured),
            reference=reference,
        ),
        golden=synthesise("jazz", seconds=GOLDEN_SECONDS, sample_rate_hz=manifest.sample_rate_hz),
        extra_files=files | _hub_files(run) | {LEARNT: _learnt(run, one.rows).to_bytes()},
        overwrite=overwrite,
    )


def _whole_graph(run: Run, head: bytes) -> bytes:
    """Return the fitted graph behind its backbone, if it has one, compared with the two."""
    if run.backbone is None:
        return head
    before = run.backbone.graph.read_bytes()
    model = composed(before, head, inputs=tuple(run.backbone.frontends))
    clip = synthesise("rock", seconds=GOLDEN_SECONDS, sample_rate_hz=run.backbone.sample_rate_hz)
    length, _ = window_samples(run.backbone.windows, run.backbone.sample_rate_hz)
    features = run.backbone.features(clip.samples[:length])
    rows = {name: array[np.newaxis] for name, array in features.items()}
    check_composed(model, before, head, rows, n_labels=len(run.task.labels))
    return model


def _learnt(run: Run, rows: Rows) -> Learnt:
    """Digests of the contents of what was fitted on, and of what a backbone had learnt before."""
    item_ids = list(map(str, dict.fromkeys(rows.items)))
    found = Learnt()
    if run.dataset.features is not None:
        frontend = build_frontend(run.recipe.frontend)
        found = learnt_rows(run.dataset, table_columns(frontend), item_ids)
    elif run.duplicates is not None:
        found = learnt_sounds(run.duplicates.content, run.duplicates.prints, item_ids)
    for before in () if run.backbone is None else read_learnt(run.backbone.graph.parent):
        found = found.joined(before)
    return found


def _hub_files(run: Run) -> dict[str, bytes]:
    """Return label maps and sizes of a fine-tuned transformer, as its library has them.

    With ``weights.safetensors``, whose names begin with ``body.0.hub.`` where that library's begin
    with ``hubert.``, they are enough to build it there.
    """
    model = run.recipe.model
    if not isinstance(model, Pretrained) or not isinstance(model.backbone, DistilHubert):
        return {}
    from genrekit.models import hub_config

    settings = hub_config(model.backbone, run.dataset.labels).to_json_string()
    return {"hub_config.json": settings.encode()}


def _embedding_size(model: bytes) -> int | None:
    outputs = {node.name: node for node in onnx.load_from_string(model).graph.output}
    if EMBEDDING not in outputs:
        return None
    return int(outputs[EMBEDDING].type.tensor_type.shape.dim[-1].dim_value) or None


def _architecture(run: Run) -> str:
    own = run.recipe.model.architecture
    return f"{run.backbone.origin.name}+{own}" if run.backbone else own


def _licence(run: Run) -> str:
    own = run.recipe.licence
    if run.origin is None or run.origin.licence == own:
        return own
    return f"{own}; {run.origin.name}: {run.origin.licence}"


def _description(recipe: Recipe) -> str:
    if recipe.final_fit != "everything":
        return recipe.description
    return f"{recipe.description} {_REFITTED}".strip()


def _provenance(run: Run, split: Split, one: Fitted) -> Provenance:
    recipe = run.recipe
    digests = sorted({track_digest(group) for group in one.rows.groups})
    how = ", then refitted on everything" if recipe.final_fit == "everything" else ""
    left_out = f"{len(run.left_out)} recordings" if run.left_out else ""
    if left_out and recipe.leave_out_because:
        left_out = f"{left_out}: {recipe.leave_out_because}"
    origin = run.origin or Origin("", "", "")
    citations = [text for text in (run.dataset.info.citation, origin.citation) if text]
    return Provenance(
        dataset=run.dataset.name,
        dataset_fingerprint=run.dataset.fingerprint,
        split_fingerprint=split.fingerprint,
        protocol=f"{split.protocol}, {recipe.protocol.fit_on}{how}",
        tracks=len(digests),
        trained_on=tuple(sorted({*digests, *origin.trained_on})),
        pretrained_on=origin.pretrained_on,
        left_out=left_out,
        cleaned=run.cleaned,
        data_licence=run.dataset.info.licence,
        citation="; ".join(dict.fromkeys(citations)),
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
