"""What a model says of a library, for other programs: tables, AcousticBrainz-style JSON, JAMS."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrekit.errors import ConfigError
from genrekit.extras import naming_extra
from genrekit.files import replace_file, replacing
from genrekit.inference import printable
from genrekit.schema import TrackPrediction
from genrekit.tagging.values import Fields, Key

_JAMS_VERSION = "0.3.4"
_BETWEEN = "; "


@dataclass(frozen=True, slots=True)
class Track:
    """A track with the answer for it.

    Attributes
    ----------
    path : Path
    answer : TrackPrediction
        Without an error.
    genres : mapping of str to float
        The names that tags would get, with their scores.
    fields : mapping
        What its tags say.
    seconds : float
        How long it is; 0 if that is not known.
    """

    path: Path
    answer: TrackPrediction
    genres: Mapping[str, float]
    fields: Fields
    seconds: float = 0.0

    def field(self, key: Key) -> str:
        """Return the first value of a field of its tags, or nothing."""
        return printable((self.fields.get(key) or ("",))[0])

    @property
    def model(self) -> str:
        """What answered, as ``name@version``."""
        model = self.answer.model
        return "" if model is None else f"{model.name}@{model.version}"


def _columns(track: Track) -> dict[str, Any]:
    about: dict[str, Any] = {
        "file": printable(track.path),
        "artist": track.field("artist"),
        "album": track.field("album"),
        "title": track.field("title"),
        "genre": track.answer.genre,
        "genres": _BETWEEN.join(track.genres),
        "model": track.model,
        "seconds": track.seconds,
    }
    scores = sorted(track.answer.scores.items())
    return about | {f"score: {label}": score for label, score in scores}


def export_csv(tracks: Sequence[Track], path: Path) -> None:
    """Write a row for each track, a column for the score of each label."""
    rows = [_columns(track) for track in tracks]
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    replace_file(path, text.getvalue())


def export_jsonl(tracks: Sequence[Track], path: Path) -> None:
    """Write a line for each track: the answer as everywhere, and the names for its tags."""
    with replacing(path) as file:
        for track in tracks:
            line = track.answer.model_dump(mode="json") | {"names": dict(track.genres)}
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")


def export_parquet(tracks: Sequence[Track], path: Path) -> None:
    """Write the columns of `export_csv`.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    """
    with naming_extra():
        import pyarrow
        import pyarrow.parquet
    table = pyarrow.Table.from_pylist([_columns(track) for track in tracks])
    with replacing(path) as file:
        pyarrow.parquet.write_table(table, file)


def acousticbrainz(track: Track) -> dict[str, Any]:
    """One track as the high-level data of AcousticBrainz: the model as a classifier of its own."""
    model = track.answer.model
    scores = track.answer.scores
    best = next(iter(scores.items()), ("", 0.0))
    version = {} if model is None else {"genrekit": model.version, "sha256": model.sha256}
    return {
        "highlevel": {
            f"genre_{model.name if model is not None else 'genrekit'}": {
                "all": dict(scores),
                "probability": best[1],
                "value": best[0],
                "version": version,
            }
        },
        "metadata": {
            "audio_properties": {"length": track.seconds},
            "tags": {
                "file_name": printable(track.path.name),
                **{key: list(map(printable, values)) for key, values in track.fields.items()},
            },
            "version": {"highlevel": version},
        },
    }


def jams(track: Track) -> dict[str, Any]:
    """One track as JAMS: an annotation with the names for its tags, one with all labels."""

    def annotation(scores: Mapping[str, float]) -> dict[str, Any]:
        return {
            "namespace": "tag_open",
            "data": [
                {"time": 0.0, "duration": track.seconds, "value": name, "confidence": score}
                for name, score in scores.items()
            ],
            "annotation_metadata": {
                "curator": {"name": "", "email": ""},
                "annotator": {},
                "version": "",
                "corpus": "",
                "annotation_tools": f"genrekit {track.model}",
                "annotation_rules": "",
                "validation": "",
                "data_source": "program",
            },
            "sandbox": {},
            "time": 0.0,
            "duration": track.seconds,
        }

    return {
        "annotations": [annotation(track.genres), annotation(track.answer.scores)],
        "file_metadata": {
            "title": track.field("title"),
            "artist": track.field("artist"),
            "release": track.field("album"),
            "duration": track.seconds,
            "identifiers": {},
            "jams_version": _JAMS_VERSION,
        },
        "sandbox": {"file": printable(track.path)},
    }


#: One file with all tracks, by its suffix.
TABLES: dict[str, Callable[[Sequence[Track], Path], None]] = {
    ".csv": export_csv,
    ".jsonl": export_jsonl,
    ".parquet": export_parquet,
}
#: A file for each track, in a folder: suffix and content.
DOCUMENTS: dict[str, tuple[str, Callable[[Track], dict[str, Any]]]] = {
    "acousticbrainz": (".highlevel.json", acousticbrainz),
    "jams": (".jams", jams),
}


def export_documents(tracks: Sequence[Track], kind: str, folder: Path) -> list[Path]:
    """Return a file for each track, called as it is; those that are called alike get a number."""
    suffix, content = DOCUMENTS[kind]
    taken: set[str] = set()
    made = []
    for track in tracks:
        path = folder / (free_name(track.path.name, taken) + suffix)
        replace_file(path, json.dumps(content(track), ensure_ascii=False, indent=1) + "\n")
        made.append(path)
    return made


_RESERVED = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')


def free_name(name: str, taken: set[str]) -> str:
    """Return a name that every file system takes, and that no other one has."""
    plain = _RESERVED.sub("_", printable(name)).strip(" .")[:120] or "_"
    found, number = plain, 1
    while found.casefold() in taken:
        number += 1
        found = f"{plain} {number}"
    taken.add(found.casefold())
    return found


def export_table(tracks: Sequence[Track], path: Path) -> None:
    """All tracks as one file, whose suffix says how.

    Raises
    ------
    ConfigError
        If the suffix is none of `TABLES`.
    """
    write = TABLES.get(path.suffix.lower())
    if write is None:
        raise ConfigError(
            f"{path} is called like nothing that can be exported: {', '.join(TABLES)}; for a file "
            f"a track there is --as {', '.join((*DOCUMENTS, 'm3u8'))}"
        )
    write(tracks, path)
