"""An index of a music library: a vector for each track, and which are nearest to another one.

A network's own embedding describes a track; of a model without one, its features do, each scaled
by how much it varies over the index. Nearness is the cosine of the angle between two vectors,
computed for all tracks: a hundred thousand take a fraction of a second.

How it lies on disk: see `genrekit.batch.index_store`.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from genrekit.audio import Waveform, decode, describe_skipped
from genrekit.batch.entry import Entry
from genrekit.batch.find import scan_for_audio
from genrekit.batch.index_store import (
    IndexedTrack,
    IndexManifest,
    Vector,
    has_index,
    read_files,
    write_files,
)
from genrekit.batch.run import Run, open_run
from genrekit.batch.work import work_through
from genrekit.errors import AudioContentError, ConfigError
from genrekit.inference import Classifier, printable
from genrekit.schema import Contract

_log = logging.getLogger(__name__)
#: The journal of an index lies in it.
_RUN = "run"


class Neighbour(Contract):
    """A track of an index that is near to another one."""

    path: str
    similarity: float = Field(ge=-1, le=1, description="cosine; 1 is the same")


@dataclass(frozen=True, slots=True)
class IndexStep:
    """How far indexing is; ``failure`` says why the track at hand is left out."""

    done: int
    total: int
    kept: int
    failure: tuple[str, str] | None = None
    stage: str = "Listening"


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """An index in memory.

    Attributes
    ----------
    vectors : (n_tracks, size) float32
        As they are on disk.
    """

    manifest: IndexManifest
    vectors: Vector

    def similar(self, vector: Vector, *, top: int = 10, without: str = "") -> list[Neighbour]:
        """Return the tracks that are nearest to a vector, nearest first.

        Parameters
        ----------
        vector : (size,) float32
            From `describe`, with the model of the index.
        without : str
            A path to leave out, such as the track's own.

        Raises
        ------
        ConfigError
            If the vector has another size, or a number in it is not finite.
        """
        if not np.isfinite(vector).all():
            raise ConfigError("the vector holds numbers that are not finite; nothing is like that")
        size = self.vectors.shape[1]
        if vector.shape != (size,) and self.manifest.tracks:
            raise ConfigError(f"the vector has shape {vector.shape}, the index holds ({size},)")
        if not self.manifest.tracks:
            return []
        rows, one = self._scaled(self.vectors), self._scaled(vector[np.newaxis])
        cosines = np.clip(_unit(rows) @ _unit(one)[0], -1.0, 1.0)
        order = np.argsort(-cosines, kind="stable")[: top + 1]
        found = [
            Neighbour(path=self.manifest.tracks[row].path, similarity=float(cosines[row]))
            for row in order
            if self.manifest.tracks[row].path != without
        ]
        return found[:top]

    def check_model(self, classifier: Classifier) -> None:
        """Raise `ConfigError` unless ``classifier`` is what the index was made with."""
        own, other = self.manifest.model, classifier.identity
        if own.sha256 != other.sha256:
            raise ConfigError(
                f"the index was made with {own.name} {own.version} ({own.sha256[:12]}), not "
                f"{other.name} {other.version} ({other.sha256[:12]}): name that model, or run "
                "genrekit index again"
            )

    def _scaled(self, rows: Vector) -> NDArray[np.float64]:
        """Features in units of how much they vary here; those that do not vary count nothing."""
        if self.manifest.kind == "embedding":
            return rows.astype(np.float64)
        own = self.vectors.astype(np.float64)
        spread = own.std(axis=0)
        moved = rows - own.mean(axis=0)
        scaled: NDArray[np.float64] = np.divide(
            moved, spread, out=np.zeros_like(moved), where=spread > 0
        )
        return scaled


def describe(classifier: Classifier, waveform: Waveform) -> Vector:
    """Return the vector that an index holds of a track.

    Raises
    ------
    ConfigError
        If the model has neither an embedding nor features that are vectors.
    AudioError
        If the audio cannot be described.
    """
    if classifier.bundle.embedding_size is not None:
        return classifier.embed(waveform)
    found = classifier.bundle.features(waveform.samples)
    if any(one.ndim != 1 for one in found.values()):
        raise ConfigError(
            f"model {classifier.identity.name} has neither an embedding nor features that are "
            "vectors; index with a network that has an embedding, or with the default model"
        )
    vector = np.concatenate([found[name] for name in sorted(found)]).astype(np.float32)
    if not np.isfinite(vector).all():
        raise AudioContentError("non_finite", "its features hold numbers that are not finite")
    return vector


def describe_file(classifier: Classifier, path: str | Path) -> Vector:
    """As `describe`, of the part of a file that the model was made for."""
    waveform = decode(
        path, sample_rate_hz=classifier.sample_rate_hz, excerpt=classifier.bundle.manifest.excerpt
    )
    return describe(classifier, waveform)


def update_index(
    folder: Path, directory: Path, model: str | Path = "default", *, workers: int = 1
) -> Generator[IndexStep]:
    """Bring the index in ``directory`` up to date with the audio under ``folder``.

    Files whose size and time have not changed are not listened to again, as long as the model is
    the same; tracks that are gone leave the index. What is done is kept now and then, and becomes
    the index when the iterator ends or is closed.

    Raises
    ------
    ConfigError
        If the folder is none, or the model cannot describe tracks.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder; name a folder of music")
    classifier = Classifier.load(model)
    found = scan_for_audio([folder])
    if others := describe_skipped(found.skipped):
        _log.warning("%s", others)
    files = {printable(path.relative_to(folder).as_posix()): path for path in found.files}
    states = {name: state for name, path in files.items() if (state := _state(name, path))}
    settings = {"model": classifier.identity.model_dump()}
    with open_run(directory / _RUN, "index", settings, sources=[str(folder)], redo=True) as run:
        writer = _IndexWriter(run, directory, classifier, states, files)
        try:
            yield from _embedded(run, writer, str(model), workers)
        finally:
            writer.finish(folder, str(model))


def _embedded(run: Run, writer: _IndexWriter, model: str, workers: int) -> Generator[IndexStep]:
    """Take in what is not known yet; what failed before fails again without being listened to."""
    waiting, kept, done = writer.waiting(), len(writer.vectors), 0
    total = len(waiting) + len(writer.failures)
    yield IndexStep(0, total, kept)
    for failure in writer.failures.items():
        done += 1
        yield IndexStep(done, total, kept, failure)
    entries = work_through(
        run,
        waiting,
        partial(_describe_as_text, model=model),
        prepare=partial(_prepare, model),
        workers=workers,
    )
    with closing(entries):
        for entry in entries:
            done += 1
            yield IndexStep(done, total, kept, writer.take(entry))


def read_index(directory: Path) -> Index:
    """Read an index from disk.

    Raises
    ------
    ConfigError
        If there is none, or its files do not hold together.
    """
    return Index(*read_files(directory))


# Workers live as long as one call, so they never see a model change; each loads it once.
_load = lru_cache(maxsize=1)(Classifier.load)


def _prepare(model: str) -> None:
    _load(model)


def _describe_as_text(path: str, *, model: str) -> str:
    """Return the vector of a file, as JSON can hold it."""
    vector = describe_file(_load(model), path)
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def _vector(text: object) -> Vector:
    return np.frombuffer(base64.b64decode(str(text)), "<f4").astype(np.float32)


def _state(name: str, path: Path) -> IndexedTrack | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return IndexedTrack(path=name, size_bytes=status.st_size, modified_ns=status.st_mtime_ns)


def _reusable(
    directory: Path, classifier: Classifier, states: dict[str, IndexedTrack]
) -> dict[str, Vector]:
    """Vectors of the tracks that are as they were."""
    if not has_index(directory):
        return {}
    index = read_index(directory)
    if index.manifest.model.sha256 != classifier.identity.sha256:
        return {}
    rows = zip(index.manifest.tracks, index.vectors, strict=True)
    return {track.path: vector for track, vector in rows if states.get(track.path) == track}


class _IndexWriter:
    """What is known of the tracks that are there: from the index, and from the journal.

    Attributes
    ----------
    vectors : dict of str to (size,) float32
    failures : dict of str to str
        Why those have none whose files have not changed since.
    """

    def __init__(
        self,
        run: Run,
        directory: Path,
        classifier: Classifier,
        states: dict[str, IndexedTrack],
        files: dict[str, Path],
    ) -> None:
        self._directory, self._classifier, self._states = directory, classifier, states
        self._places = {str(path.absolute()): name for name, path in files.items()}
        self.vectors = _reusable(directory, classifier, states)
        self.failures: dict[str, str] = {}
        for entry in run.entries():
            name = self._places.get(entry.file)
            state = states.get(name) if name is not None else None
            if name is None or state is None or _changed(entry, state):
                continue
            if entry.reason is None:
                self.vectors[name] = _vector(entry.value)
            elif name not in self.vectors:
                self.failures[name] = entry.reason.message

    def waiting(self) -> list[str]:
        """Paths of the tracks of which nothing is known."""
        return [
            path
            for path, name in self._places.items()
            if name in self._states and name not in self.vectors and name not in self.failures
        ]

    def take(self, entry: Entry) -> tuple[str, str] | None:
        """Take in what became of a track; its name and the reason, if that is not a vector."""
        name, reason = self._places[entry.file], entry.reason
        if reason is None:
            self.vectors[name] = _vector(entry.value)
            return None
        if reason.type == "ConfigError":  # the model's fault, and the same for all
            raise ConfigError(reason.message)
        return name, reason.message

    def finish(self, folder: Path, asked_for: str) -> None:
        """Write the index anew, with all that is known."""
        names = sorted(self.vectors)
        rows = [self.vectors[name] for name in names]
        manifest = IndexManifest(
            folder=printable(folder.absolute()),
            asked_for=asked_for,
            model=self._classifier.identity,
            kind="features" if self._classifier.bundle.embedding_size is None else "embedding",
            tracks=tuple(self._states[name] for name in names),
            vectors_sha256="0" * 64,
        )
        table = np.stack(rows) if rows else np.zeros((0, 0), np.float32)
        write_files(self._directory, manifest, table)


def _changed(entry: Entry, state: IndexedTrack) -> bool:
    return (entry.size_bytes, entry.modified_ns) != (state.size_bytes, state.modified_ns)


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths: NDArray[np.float64] = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
