"""The recipe of the box to the bundle that ships, and to the numbers beside it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

import genrekit
from genrekit.audio import synthesise
from genrekit.bundles import check_target, write_bundle
from genrekit.datasets import track_digest
from genrekit.features import frontend_fingerprint
from genrekit.features.cache import FeatureCache
from genrekit.models.box import BoxNetwork
from genrekit.models.pretrained.backbones import Choi2017
from genrekit.schema import BundleMetrics, Manifest, Provenance
from genrekit.training.box.fit import Box, Others, fit_box, synthesise_others, teach
from genrekit.training.box.hearing import FRONTENDS, RATE_HZ, WINDOWS
from genrekit.training.box.material import Material, column_places, gather
from genrekit.training.box.measure import Measured, cooled, measure, score_left_out
from genrekit.training.box.recipe import BoxRecipe
from genrekit.training.network_export import check_network, export_network
from genrekit.training.prepare import Step

ARCHITECTURE = "box"
#: Of the feature cache: clips heard in all ways take more than its usual limit.
CACHE_BYTES = 8 * 2**30
_LIBRARIES = ("numpy", "onnx", "scikit-learn", "scipy", "torch")
_GOLDEN_SECONDS = 5.0
_TAGS_FROM = (
    "Pons, Serra: musicnn: pre-trained convolutional neural networks for music audio tagging. "
    "ISMIR, late-breaking session, 2019 (ISC)"
)
_REFITTED = (
    "The numbers are of the protocol, which is not this fit: these weights learnt from every track "
    "but those left out."
)


@dataclass(frozen=True, slots=True)
class BoxStep(Step):
    """The last step: what was written, and what was measured."""

    measured: Measured | None = None


def make_box(
    recipe: BoxRecipe, out: Path, *, cache: FeatureCache, workers: int = 1, overwrite: bool = False
) -> Iterator[Step]:
    """Measure a recipe, fit what ships, and write it as a bundle.

    Yields
    ------
    Step
        The last is a `BoxStep`.

    Raises
    ------
    ConfigError, DatasetError
        If what the recipe names cannot be used.
    BundleError
        If ``out`` cannot be written, or the graph does not answer as the fitted model does.
    """
    check_target(out, overwrite)
    material = yield from gather(recipe, cache=cache, workers=workers)
    others = yield from synthesise_others(recipe)
    box = yield from _fit_everything(recipe, material, others)
    # A graph that does not answer as its source is found before the numbers take their time.
    _exported(box, material)
    measured = yield from measure(recipe, material, others)
    box = cooled(box, measured.temperature)
    measured = measured.model_copy(update={"left_out": score_left_out(recipe, material, box)})
    written = _write(recipe, material, box, measured, out, overwrite=overwrite)
    yield BoxStep("write", 1, 1, bundle=written, measured=measured)


def _fit_everything(
    recipe: BoxRecipe, material: Material, others: Others
) -> Generator[Step, None, Box]:
    clips = np.flatnonzero(material.shippable[material.clip_rows])
    ear = yield from teach(recipe, material, clips, seed=0, stage="teach what ships")
    rows = np.flatnonzero(material.shippable)
    return fit_box(recipe, material, ear, rows, others=others)


def network_of(box: Box, mel_shape: tuple[int, ...], n_columns: int) -> BoxNetwork:
    """A fitted model as one network.

    Parameters
    ----------
    mel_shape : (96, frames)
    n_columns : int
        That the front-end gives, of which fewer are used.
    """
    assert box.guard is not None
    places = column_places()
    network = BoxNetwork(
        {"mel": mel_shape, "gtzan57": (n_columns,)},
        n_published=len(box.published.centre),
        n_columns=len(places),
        n_genres=len(box.genres.bias),
    )
    network.listener = box.ear.listener
    for name, values in {
        "places": places,
        "published_centre": box.published.centre,
        "published_spread": box.published.spread,
        "columns_centre": box.columns.centre,
        "columns_spread": box.columns.spread,
        "map_weights": box.translation.weights,
        "map_bias": box.translation.bias,
    }.items():
        network.get_buffer(name).copy_(torch.from_numpy(values))
    for layer, linear in ((network.head, box.genres), (network.guard, box.guard)):
        layer.weight.data = torch.from_numpy(linear.weights.T.astype(np.float32))
        layer.bias.data = torch.from_numpy(linear.bias.astype(np.float32))
    return network


def _exported(box: Box, material: Material) -> tuple[BoxNetwork, bytes]:
    heard = material.heard["whole"]
    network = network_of(box, heard.mel.shape[1:], heard.columns.shape[1])
    model = export_network(network)
    check_network(model, network, {"mel": heard.mel[:16], "gtzan57": heard.columns[:16]})
    return network, model


def _write(
    recipe: BoxRecipe,
    material: Material,
    box: Box,
    measured: Measured,
    out: Path,
    *,
    overwrite: bool,
) -> Path:
    network, model = _exported(box, material)
    weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    return write_bundle(
        out,
        manifest=_manifest(recipe, material),
        model_onnx=model,
        metrics=BundleMetrics(
            results=tuple(
                one
                for one in (
                    measured.headline[0],
                    measured.other_artists,
                    measured.audio["whole"],
                    measured.left_out,
                )
                if one is not None
            ),
            distorted={way: one.accuracy for way, one in measured.audio.items()},
            reference=measured.reference,
        ),
        golden=synthesise("jazz", seconds=_GOLDEN_SECONDS, sample_rate_hz=RATE_HZ),
        extra_files={"weights.safetensors": safetensors.torch.save(weights)},
        overwrite=overwrite,
    )


def _manifest(recipe: BoxRecipe, material: Material) -> Manifest:
    split = material.fault_filtered
    kept = np.flatnonzero(material.shippable)
    groups = material.tracks.groups()
    digests = sorted({track_digest(groups[row]) for row in kept})
    gone = len({groups[row] for row in np.flatnonzero(~material.shippable)})
    info = material.tracks.info
    return Manifest(
        name=recipe.name,
        version=recipe.version,
        description=f"{recipe.description} {_REFITTED}",
        architecture=ARCHITECTURE,
        labels=material.tracks.labels,
        frontends=dict(FRONTENDS),
        frontend_fingerprints={
            name: frontend_fingerprint(config) for name, config in FRONTENDS.items()
        },
        windows=WINDOWS,
        unknown_below=recipe.unknown_below,
        provenance=Provenance(
            dataset=material.tracks.name,
            dataset_fingerprint=material.tracks.fingerprint,
            split_fingerprint=split.fingerprint,
            protocol="fault-filtered, train+valid, then refitted on everything",
            tracks=len(digests),
            trained_on=tuple(digests),
            pretrained_on=Choi2017.source.pretrained_on,
            left_out=f"{gone} recordings: {recipe.leave_out_because}",
            data_licence=info.licence,
            citation=f"{info.citation} Teacher: {Choi2017.source.citation} "
            f"({Choi2017.source.licence}). Tags: {_TAGS_FROM}.",
            recipe=recipe.text,
        ),
        versions={
            "genrekit": genrekit.__version__,
            **{name: version(name) for name in _LIBRARIES},
        },
    )
