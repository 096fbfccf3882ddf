"""A saved model that describes itself: load it, prove it, run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genrekit.bundles.golden import (
    INT8_LOGIT_TOLERANCE,
    LOGIT_TOLERANCE,
    check_golden,
    check_labels,
    golden_from_bytes,
)
from genrekit.bundles.session import (
    LOGITS,
    embed_session,
    embedding_size,
    open_session,
    output_columns,
    run_outputs,
    run_session,
)
from genrekit.bundles.store import find_bundle
from genrekit.bundles.verify import check_frontends, read_bundle_files
from genrekit.bundles.window import window_features
from genrekit.errors import BundleError, ConfigError
from genrekit.features import Frontend, build_frontend
from genrekit.schema import BundleMetrics, Manifest


@dataclass(frozen=True, slots=True)
class Bundle:
    """A loaded bundle.

    Attributes
    ----------
    directory : Path
        Where it was read from.
    manifest : Manifest
        What it says of itself.
    metrics : BundleMetrics
        What it scored.
    sha256 : str
        Of ``manifest.json``, which holds the hash of every other file.
    frontends : mapping of str to Frontend
        What the inputs of the graph are computed with.
    session : onnxruntime.InferenceSession
        The graph.
    """

    directory: Path
    manifest: Manifest
    metrics: BundleMetrics
    sha256: str
    frontends: Mapping[str, Frontend]
    session: Any

    def features(self, samples: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Features of one window of mono audio (n,) at ``manifest.sample_rate_hz``."""
        return window_features(samples, self.frontends, self.manifest.windows)

    def run(self, inputs: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Score windows.

        Parameters
        ----------
        inputs : mapping of str to float32 array
            By front-end name, windows stacked on axis 0.

        Returns
        -------
        (n_windows, n_labels) float32
            Logits, before the temperature.

        Raises
        ------
        BundleError
            If shapes do not fit, or a logit is not finite.
        """
        return run_session(self.session, inputs, n_labels=len(self.manifest.labels))

    def run_heads(
        self, inputs: Mapping[str, NDArray[np.float32]]
    ) -> dict[str, NDArray[np.float32]]:
        """Logits of every head, and under ``logits`` what `run` gives, in one pass.

        Returns
        -------
        dict of str to (n_windows, n_labels of the head) float32
        """
        columns = {LOGITS: len(self.manifest.labels)} | head_columns(self.manifest)
        return run_outputs(self.session, inputs, columns)

    def check_predicts(self) -> None:
        """Refuse a model that tells no genres, before any work is done with it.

        Raises
        ------
        ConfigError
            If it gives an embedding and nothing else.
        """
        if self.manifest.embedding_only:
            raise ConfigError(
                f"model {self.manifest.name} gives an embedding and no genres, so it cannot "
                "predict; train a head on it: recipes/heads/bundle.yaml"
            )

    @property
    def embedding_size(self) -> int | None:
        """Columns of the embedding; None for a model that has none."""
        return embedding_size(self.session)

    def embed(self, inputs: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Describe windows by what the model makes of them just before it scores them.

        Parameters
        ----------
        inputs : mapping of str to float32 array
            By front-end name, windows stacked on axis 0.

        Returns
        -------
        (n_windows, embedding_size) float32

        Raises
        ------
        BundleError
            If the model has no embedding, shapes do not fit, or a number is not finite.
        """
        return embed_session(self.session, inputs)


def head_columns(manifest: Manifest) -> dict[str, int]:
    """How many labels each further head has."""
    return {name: len(head.labels) for name, head in manifest.heads.items()}


def load_bundle(name_or_path: str | Path, *, verify: bool = True) -> Bundle:
    """Load a bundle and refuse it unless everything in it holds together.

    A hostile bundle can neither run code nor reach a file outside its directory. What its graph
    computes is its author's choice, though, and so is how long that takes: take models from people
    you trust.

    Parameters
    ----------
    name_or_path : str or Path
        ``"name"``, ``"name@version"``, ``"name@alias"``, or a directory.
    verify : bool
        False skips only the golden clip; files, hashes and signatures are always checked.

    Raises
    ------
    ConfigError
        If no bundle has that name.
    BundleError
        If the directory is damaged or hostile.
    SkewError
        If the front-ends or the runtime of this installation give other numbers.
    IncompatibleError
        If it was written by another format version.
    """
    directory = find_bundle(name_or_path)
    files = read_bundle_files(directory)
    manifest = files.manifest
    check_frontends(manifest)
    frontends = {name: build_frontend(config) for name, config in manifest.frontends.items()}
    names, n_labels = tuple(manifest.frontends), len(manifest.labels)
    session = open_session(files.model_onnx, inputs=names, n_labels=n_labels)
    bundle = Bundle(directory, manifest, files.metrics, files.sha256, frontends, session)
    if manifest.embedding_size not in (None, bundle.embedding_size):
        raise BundleError(
            f"manifest.json says that embeddings have {manifest.embedding_size} columns, "
            f"model.onnx gives {bundle.embedding_size}"
        )
    heads = head_columns(manifest)
    for name, size in heads.items():
        if output_columns(session, name) != size:
            raise BundleError(
                f"manifest.json has a head {name!r} of {size} labels, model.onnx gives "
                f"{output_columns(session, name) or 'no such output'}"
            )
    if verify:
        golden = golden_from_bytes(
            files.golden_npz, frontends=names, n_labels=n_labels, heads=heads
        )
        check_labels(
            golden,
            manifest.labels,
            (one.labels for one in files.metrics.results),
            {name: head.labels for name, head in manifest.heads.items()},
        )
        int8 = files.metrics.int8
        tolerance = INT8_LOGIT_TOLERANCE if int8 and int8.used else LOGIT_TOLERANCE
        check_golden(
            golden, frontends, manifest.windows, bundle.run_heads, logit_tolerance=tolerance
        )
    return bundle
