"""An index of a music library: a vector for each track, and which are nearest to another one.

A network's own embedding describes a track; of a model without one, its features do, each scaled
by how much it varies over the index. Nearness is the cosine of the angle between two vectors,
computed for all tracks: a hundred thousand take a fraction of a second.

How it lies on disk: see `genrekit.batch.index_store`.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from genrekit.audio import Waveform, decode
from genrekit.audio.passed_over import passed_over
from genrekit.batch.find import look_for_audio
from genrekit.batch.index_store import (
    IndexedTrack,
    IndexManifest,
    Vector,
    has_index,
    read_files,
    read_pieces,
    write_files,
    write_piece,
)
from genrekit.errors import AudioContentError, ConfigError, GenreError
from genrekit.inference import Classifier, printable
from genrekit.schema import Contract
from genrekit.workers import WorkerDied, ordered_map

_log = logging.getLogger(__name__)
_SAVED_EVERY = 500


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
        """The tracks that are nearest to a vector, nearest first.

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
        mine, other = self.manifest.model, classifier.identity
        if mine.sha256 != other.sha256:
            raise ConfigError(
                f"the index was made with {mine.name} {mine.version} ({mine.sha256[:12]}), not "
                f"{other.name} {other.version} ({other.sha256[:12]}): name that model, or run "
                "genrekit index again"
            )

    def _scaled(self, rows: Vector) -> NDArray[np.float64]:
        """Features in units of how much they vary here; those that do not vary count nothing."""
        if self.manifest.kind == "embedding":
            return rows.astype(np.float64)
        mine = self.vectors.astype(np.float64)
        spread = mine.std(axis=0)
        moved = rows - mine.mean(axis=0)
        scaled: NDArray[np.float64] = np.divide(
            moved, spread, out=np.zeros_like(moved), where=spread > 0
        )
        return scaled


def describe(classifier: Classifier, waveform: Waveform) -> Vector:
    """The vector that an index holds of a track.

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
    found = look_for_audio([folder])
    if others := passed_over(found.passed_over):
        _log.warning("%s", others)
    files = {printable(path.relative_to(folder).as_posix()): path for path in found.files}
    states = {name: state for name, path in files.items() if (state := _state(name, path))}
    keeper = _Keeper(directory, classifier, states)
    waiting = [name for name in files if name in states and name not in keeper.vectors]
    work = (
        partial(_describe_or_say, classifier=classifier)
        if workers == 1
        else partial(_describe_in_worker, model=str(model))
    )
    kept, done = len(keeper.vectors), 0
    yield IndexStep(0, len(waiting), kept)
    try:
        answers = ordered_map(work, [files[name] for name in waiting], workers=workers)
        for name, answer in zip(waiting, answers, strict=True):
            done += 1
            if isinstance(answer, np.ndarray):
                keeper.add(name, answer)
            yield IndexStep(done, len(waiting), kept, _failure(name, answer))
    finally:
        keeper.finish(folder, str(model))


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


def _describe_in_worker(path: Path, *, model: str) -> Vector | str:
    return _describe_or_say(path, classifier=_load(model))


def _describe_or_say(path: Path, *, classifier: Classifier) -> Vector | str:
    try:
        return describe_file(classifier, path)
    except ConfigError:
        raise
    except (GenreError, OSError, MemoryError) as error:
        return printable(str(error))


def _failure(name: str, answer: Vector | str | WorkerDied[Path]) -> tuple[str, str] | None:
    if isinstance(answer, WorkerDied):
        return name, "analysing it killed its process; the file is damaged or needs more memory"
    return (name, answer) if isinstance(answer, str) else None


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


class _Keeper:
    """What is known so far, and in which files: in the index, in pieces, or in memory alone."""

    def __init__(
        self, directory: Path, classifier: Classifier, states: dict[str, IndexedTrack]
    ) -> None:
        self._directory, self._classifier, self._states = directory, classifier, states
        self._sha256 = classifier.identity.sha256
        left, self._pieces = read_pieces(directory, self._sha256, states)
        self.vectors = _reusable(directory, classifier, states) | left
        self._loose: list[str] = []

    def add(self, name: str, vector: Vector) -> None:
        """Take one in; now and then, what is in memory alone is written."""
        self.vectors[name] = vector
        self._loose.append(name)
        if len(self._loose) >= _SAVED_EVERY:
            tracks, table = self._table(self._loose)
            self._pieces.append(write_piece(self._directory, self._sha256, tracks, table))
            self._loose = []

    def finish(self, folder: Path, asked_for: str) -> None:
        """Write the index anew, with all that is known."""
        tracks, table = self._table(sorted(self.vectors))
        manifest = IndexManifest(
            folder=printable(folder.absolute()),
            asked_for=asked_for,
            model=self._classifier.identity,
            kind="features" if self._classifier.bundle.embedding_size is None else "embedding",
            tracks=tuple(tracks),
            vectors_sha256="0" * 64,
        )
        write_files(self._directory, manifest, table, self._pieces)

    def _table(self, names: list[str]) -> tuple[list[IndexedTrack], Vector]:
        rows = [self.vectors[name] for name in names]
        table = np.stack(rows) if rows else np.zeros((0, 0), np.float32)
        return [self._states[name] for name in names], table


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths: NDArray[np.float64] = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
