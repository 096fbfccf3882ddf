"""Backbones: published networks and saved models whose embedding a new head is fitted on.

Whatever it is, a backbone becomes an ONNX graph in a file, from the arrays of some front-ends to
an ``embedding``. The same graph describes the audio that a head is fitted on and, joined with the
head, is what the bundle runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrekit.bundles import (
    MODEL,
    embed_session,
    load_bundle,
    open_session,
    window_features,
    window_samples,
)
from genrekit.download import RetryPolicy, Size, fetch
from genrekit.errors import ConfigError, DatasetError
from genrekit.extras import naming_extra
from genrekit.features import Frontend, build_frontend, frontend_fingerprint
from genrekit.files import cache_home, home, moved, replace_file
from genrekit.models import file_sha256
from genrekit.models.pretrained import (
    PublishedConfig,
    Source,
    absent,
    build_body,
    local_weights,
)
from genrekit.progress import Progress, silent
from genrekit.schema import (
    ExcerptConfig,
    FrontendConfig,
    Manifest,
    WaveformConfig,
    WindowConfig,
)
from genrekit.training.recipe import BundleBackbone

#: Raised whenever a module gives other numbers for the same weights.
CODE_VERSION = 1
#: Somebody who waits for weights is at the keyboard: he is told soon.
_RETRIES = RetryPolicy(stall_seconds=30.0, attempts=3)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where weights come from that were there before.

    Attributes
    ----------
    pretrained_on : tuple of str
        Whole corpora.
    trained_on : tuple of str
        Digests of recordings, as in `genrekit.schema.Provenance`.
    manifest : Manifest, optional
        Of a saved model.
    """

    name: str
    licence: str
    citation: str
    pretrained_on: tuple[str, ...] = ()
    trained_on: tuple[str, ...] = ()
    manifest: Manifest | None = None


@dataclass(frozen=True, slots=True)
class Backbone:
    """A graph in a file, and all that stands before it.

    Attributes
    ----------
    graph : Path
        ONNX from the front-ends' arrays to an ``embedding``.
    sha256 : str
        Of that file.
    feature_names : tuple of str
        Of the embedding's columns.
    """

    graph: Path
    sha256: str
    frontends: Mapping[str, FrontendConfig]
    windows: WindowConfig
    excerpt: ExcerptConfig
    feature_names: tuple[str, ...]
    origin: Origin

    @property
    def sample_rate_hz(self) -> int:
        """The rate audio is decoded at."""
        return next(iter(self.frontends.values())).sample_rate_hz

    @property
    def fingerprint(self) -> str:
        """Of everything that decides what windows become."""
        parts = [frontend_fingerprint(config) for config in self.frontends.values()]
        return hashlib.sha256("".join([self.sha256, *parts]).encode()).hexdigest()

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embedding (columns,) of one window of mono audio (n,)."""
        features = self.features(samples)
        rows = {name: array[np.newaxis] for name, array in features.items()}
        return np.asarray(embed_session(_session(self.graph, tuple(rows)), rows)[0])

    def features(self, samples: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return what the graph takes of one window, by front-end name."""
        frontends = {name: _frontend(config) for name, config in self.frontends.items()}
        return window_features(samples, frontends, self.windows)


# Opening a graph and building filter banks cost more than using them once.
@lru_cache(maxsize=2)
def _session(graph: Path, inputs: tuple[str, ...]) -> Any:
    return open_session(graph.read_bytes(), inputs=inputs, n_labels=None)


@lru_cache(maxsize=8)
def _frontend(config: FrontendConfig) -> Frontend:
    return build_frontend(config)


# --- saved models -------------------------------------------------------------------------------


def saved_backbone(config: BundleBackbone) -> Backbone:
    """Return a saved model as backbone.

    Raises
    ------
    ConfigError
        If there is no such model, or it has no embedding.
    BundleError
        If it must not be trusted.
    """
    bundle = load_bundle(config.bundle)
    manifest, size = bundle.manifest, bundle.embedding_size
    if size is None:
        raise ConfigError(
            f"{config.bundle} has no embedding, so no head can be fitted on it; classical models "
            "have none: take a network"
        )
    graph = bundle.directory / MODEL
    return Backbone(
        graph=graph,
        sha256=file_sha256(graph),
        frontends=manifest.frontends,
        windows=manifest.windows,
        excerpt=manifest.excerpt,
        feature_names=tuple(f"embedding{number:04d}" for number in range(size)),
        origin=Origin(
            name=manifest.name,
            licence=manifest.licence,
            citation=manifest.provenance.citation,
            pretrained_on=manifest.provenance.pretrained_on,
            trained_on=manifest.provenance.trained_on,
            manifest=manifest,
        ),
    )


# --- published networks -------------------------------------------------------------------------


def published_origin(config: PublishedConfig) -> Origin:
    """Where the weights of a published network come from."""
    source = config.source
    if config.weights == "random":
        return Origin(source.name, source.licence, "")
    return Origin(source.name, source.licence, source.citation, source.pretrained_on)


def fetched_weights(
    config: PublishedConfig, *, retries: RetryPolicy = _RETRIES, progress: Progress = silent
) -> Path | None:
    """Return the file with the weights; fetched into the cache unless it is on this machine.

    Parameters
    ----------
    progress : callable, optional
        Called with the bytes that are here, and how many there will be.

    Returns
    -------
    Path or None
        None for random weights.

    Raises
    ------
    ConfigError
        If it cannot be had; the message says what to do.
    """
    if config.weights == "random":
        return None
    source = config.source
    path = local_weights(source, config.file)
    if path is not None:
        return path
    _fetch(source, retries, progress)
    return source.cached


def _fetch(source: Source, retries: RetryPolicy, progress: Progress) -> None:
    checksum = f"sha256:{source.sha256}" if source.sha256 else None
    steps = fetch(
        source.url,
        source.cached,
        Size(most_bytes=2 * source.about_bytes),
        checksum=checksum,
        retries=retries,
    )
    try:
        for done, total in steps:
            progress(f"fetching {source.name}", done, total or source.about_bytes)
    except DatasetError as problem:
        raise absent(source, str(problem)) from problem


def published_backbone(
    config: PublishedConfig, windows: WindowConfig, weights: Path | None
) -> Backbone:
    """Return a published network as backbone; its graph is kept in the user's genrekit folder.

    Raises
    ------
    ConfigError
        If the weights are others, or windows too short or of no fixed length.
    MissingExtraError
        If torch, or for DistilHuBERT transformers, is not installed.
    """
    if windows.short == "keep":
        raise ConfigError(
            f"{config.name} takes windows of one length; set windows.short to loop or pad, so that "
            "shorter audio is filled up"
        )
    samples, _ = window_samples(windows, config.sample_rate_hz)
    frontend = WaveformConfig(sample_rate_hz=config.sample_rate_hz)
    graph, names = _exported(config, samples, weights)
    return Backbone(
        graph=graph,
        sha256=file_sha256(graph),
        frontends={frontend.kind: frontend},
        windows=windows,
        excerpt=ExcerptConfig(),
        feature_names=names,
        origin=published_origin(config),
    )


def _exported(
    config: PublishedConfig, samples: int, weights: Path | None
) -> tuple[Path, tuple[str, ...]]:
    """Return the graph's file, made where it is not there yet."""
    with naming_extra():
        import torch

        from genrekit.export import export_body
    digest = "random" if weights is None else file_sha256(weights)
    settings = config.model_dump_json(exclude={"weights"})
    key = hashlib.sha256(f"{CODE_VERSION}{settings}{digest}{samples}".encode()).hexdigest()
    folder = moved(home() / "backbones", cache_home() / "backbones")
    path = folder / f"{config.name}-{key[:16]}.onnx"
    names = path.with_suffix(".txt")
    if not (path.is_file() and names.is_file()):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            body = build_body(config, samples)
        replace_file(path, export_body(body, samples))
        replace_file(names, "\n".join(body.feature_names))
    return path, tuple(names.read_text(encoding="utf-8").splitlines())
