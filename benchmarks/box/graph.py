"""The encoder and its heads as one network, one graph, one bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import safetensors.torch
import torch
from heads import Array, Linear
from onnx import numpy_helper
from sounds import GENRES, Sound
from torch import Tensor, nn

import genrekit
from genrekit.audio import Waveform
from genrekit.bundles import load_bundle, write_bundle
from genrekit.datasets import track_digest
from genrekit.evaluation.learnt import LEARNT, Learnt, learnt_sounds
from genrekit.export import check_outputs, export_outputs
from genrekit.fingerprint import Fingerprint, fingerprint_files
from genrekit.jukebox import synthesise
from genrekit.models.box import BoxNetwork, from_weights
from genrekit.progress import Progress
from genrekit.schema import BundleMetrics, Head, Manifest, Provenance
from genrekit.workers import cores

_GOLDEN_SECONDS = 5.0
#: Of each sound, so that the bundle stays small.
_LANDMARKS = 128
_LIBRARIES = ("numpy", "onnx", "scikit-learn", "scipy", "torch")


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """All heads.

    Attributes
    ----------
    detector : (2 * columns,) and float
        Weights and bias of what is not music.
    further : dict of str to ((columns, labels), (labels,))
        Weights and bias of the further heads on scaled columns.
    """

    genres: Linear
    detector: tuple[Array, float]
    further: dict[str, tuple[Array, Array]]


def network_of(encoder: Path, fitted: Fitted) -> BoxNetwork:
    """The whole network."""
    weights = safetensors.torch.load_file(encoder / "weights.safetensors")
    manifest = load_bundle(encoder).manifest
    shape = _mel_shape(encoder)
    state: dict[str, Tensor] = {f"body.{name}": value for name, value in weights.items()}
    state |= {"centre": _float(fitted.genres.centre), "spread": _float(fitted.genres.spread)}
    state |= {
        "head.weight": _float(fitted.genres.weights.T),
        "head.bias": _float(fitted.genres.bias),
        "out_of_domain.weight": _float(fitted.detector[0][None]),
        "out_of_domain.bias": _float(np.array([fitted.detector[1]])),
    }
    for name, (matrix, bias) in fitted.further.items():
        state |= {f"heads.{name}.weight": _float(matrix.T), f"heads.{name}.bias": _float(bias)}
    network = from_weights({next(iter(manifest.frontends)): shape}, state)
    network.load_state_dict(state)
    return network.eval()


def _float(array: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float32))


def _mel_shape(encoder: Path) -> tuple[int, ...]:
    bundle = load_bundle(encoder)
    rate, windows = bundle.manifest.sample_rate_hz, bundle.manifest.windows
    silence = np.zeros(round(windows.window_seconds * rate), np.float32)
    return next(iter(bundle.features(silence).values())).shape


class _AllOutputs(nn.Module):
    """Logits, embedding and further heads, in this order."""

    def __init__(self, network: BoxNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, mel: Tensor) -> tuple[Tensor, ...]:
        (name,) = self.network.shapes
        embedding = self.network.embed({name: mel})
        further = [self.network.score_head(one, embedding) for one in self.network.heads]
        return (self.network.score(embedding), embedding, *further)


def export(network: BoxNetwork, sample: np.ndarray) -> bytes:
    """The graph, checked on real windows (n, 96, frames)."""
    outputs = ("logits", "embedding", *network.heads)
    model = export_outputs(_AllOutputs(network), network.shapes, outputs)
    (name,) = network.shapes
    with torch.no_grad():
        expected = network({name: torch.from_numpy(sample)}).numpy()
    check_outputs(model, expected, {name: sample})
    return model


def write(
    network: BoxNetwork,
    encoder: Path,
    sounds: Sequence[Sound],
    metrics: BundleMetrics,
    heads: dict[str, Head],
    out: Path,
    sample: np.ndarray,
    *,
    settings: dict[str, object],
    learnt: Learnt,
) -> Path:
    """Write the bundle that ships."""
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    manifest = _manifest(encoder, sounds, heads, settings)
    return write_bundle(
        out,
        manifest=manifest,
        model_onnx=export(network, sample),
        metrics=metrics,
        golden=_golden(manifest),
        extra_files={
            "weights.safetensors": safetensors.torch.save(weights),
            LEARNT: learnt.to_bytes(),
        },
        overwrite=True,
    )


def _golden(manifest: Manifest) -> Waveform:
    return synthesise("jazz", seconds=_GOLDEN_SECONDS, sample_rate_hz=manifest.sample_rate_hz)


def export_again(box: Path, version: str) -> Path:
    """Export the graph of a bundle from its own weights, which stay as they are."""
    bundle = load_bundle(box)
    extra = {name: (box / name).read_bytes() for name in ("weights.safetensors", LEARNT)}
    weights = safetensors.torch.load(extra["weights.safetensors"])
    golden = _golden(bundle.manifest)
    window = round(bundle.manifest.windows.window_seconds * golden.sample_rate_hz)
    (mel,) = bundle.features(golden.samples[:window]).values()
    network = from_weights({next(iter(bundle.manifest.frontends)): mel.shape}, weights)
    network.load_state_dict(weights)
    return write_bundle(
        box,
        manifest=bundle.manifest.model_copy(update={"version": version, "files": ()}),
        model_onnx=export(network.eval(), mel[None]),
        metrics=bundle.metrics,
        golden=golden,
        extra_files=extra,
        overwrite=True,
    )


def learnt_audio(sounds: Sequence[Sound], progress: Progress) -> Learnt:
    """Digests of the training audio of the heads, to recognise it under another name."""
    contents: dict[str, str] = {}
    prints: dict[str, Fingerprint] = {}
    sources = [one.path for one in sounds]
    for number, one in enumerate(fingerprint_files(sources, workers=cores()), start=1):
        if one.fingerprint is not None:
            contents[str(number)], prints[str(number)] = one.content, one.fingerprint
        progress("fingerprints", number, len(sources))
    return learnt_sounds(contents, prints, list(contents), most=_LANDMARKS)


def _manifest(
    encoder: Path, sounds: Sequence[Sound], heads: dict[str, Head], settings: dict[str, object]
) -> Manifest:
    taught = load_bundle(encoder).manifest
    digests = sorted({track_digest(sound.track) for sound in sounds})
    sources = sorted({sound.source for sound in sounds if sound.kind == "outside"})
    return Manifest(
        name="box",
        version=str(settings["version"]),
        description=str(settings["description"]),
        architecture="box",
        labels=GENRES,
        frontends=taught.frontends,
        frontend_fingerprints=taught.frontend_fingerprints,
        windows=taught.windows,
        aggregation="mean-logit",
        embedding_size=len(taught.labels),
        temperature=float(str(settings["temperature"])),
        unknown_below=float(str(settings["unknown_below"])),
        heads=heads,
        provenance=Provenance(
            dataset=f"GTZAN clips and snippets, and {len(sources)} collections outside GTZAN",
            dataset_fingerprint=str(settings["fingerprint"]),
            protocol="fitted on everything; numbers are of protocols that left out what they test",
            tracks=len(digests),
            trained_on=tuple(digests),
            pretrained_on=taught.provenance.pretrained_on,
            left_out=taught.provenance.left_out,
            data_licence=(
                "GTZAN: none from its right holders, research use; other collections: each its own "
                f"({', '.join(sources)}); encoder: {taught.provenance.data_licence}"
            ),
            citation=taught.provenance.citation,
            recipe=taught.provenance.recipe,
        ),
        versions={
            "genrekit": genrekit.__version__,
            **{name: version(name) for name in _LIBRARIES},
        },
    )


def parameters(model: bytes) -> int:
    """Numbers in a graph."""
    graph = onnx.load_from_string(model).graph
    return sum(numpy_helper.to_array(one).size for one in graph.initializer)
