"""What the description of the interface shows: bodies, answers and refusals."""

from __future__ import annotations

from typing import Any

from genrekit.schema import Contract
from genrekit.serving.problems import Problem

_AUDIO = {"type": "string", "format": "binary"}


def _form(field: str, value: dict[str, Any], options: type[Contract]) -> dict[str, Any]:
    properties = {field: value, **options.model_json_schema()["properties"]}
    schema = {
        "type": "object",
        "required": [field],
        "properties": properties,
        "additionalProperties": False,
    }
    return {"multipart/form-data": {"schema": schema}}


def audio_body(options: type[Contract]) -> dict[str, Any]:
    """One file, with options: in a form, or as the body itself."""
    content = {**_form("file", _AUDIO, options), "application/octet-stream": {"schema": _AUDIO}}
    return {"requestBody": {"required": True, "content": content}}


def files_body(options: type[Contract]) -> dict[str, Any]:
    """Many files in a form, with options."""
    content = _form("files", {"type": "array", "items": _AUDIO}, options)
    return {"requestBody": {"required": True, "content": content}}


PREDICTION = {
    "path": "song.mp3",
    "genre": "reggae",
    "scores": {"reggae": 0.81, "hiphop": 0.12, "pop": 0.07},
    "genres": ["reggae"],
    "segments": [],
    "seconds": 30.0,
    "model": {"name": "box", "version": "0.1.0", "sha256": "0" * 64},
    "warnings": [],
    "timings_ms": {"decode": 21.0, "frontend": 61.0, "model": 0.4, "total": 83.0},
    "error": None,
}
_MODEL = {"name": "box", "version": "0.2.0", "sha256": "0" * 64}
_SPAN = {"start_seconds": 12.0, "end_seconds": 13.0, "loss": 0.41, "evidence": True}
_AGAINST = {"start_seconds": 13.0, "end_seconds": 14.0, "loss": -0.12, "evidence": True}
EXPLANATION = {
    "path": "song.mp3",
    "model": _MODEL,
    "genre": "reggae",
    "probability": 0.81,
    "scores": {"reggae": 0.81, "hiphop": 0.12, "pop": 0.07},
    "start_seconds": 0.0,
    "seconds": 30.0,
    "time_line": [{"start_seconds": 0.0, "end_seconds": 3.0, "scores": {"reggae": 0.7}}],
    "occlusion": [_SPAN, _AGAINST],
    "patches": [
        {
            "first_row": 0,
            "last_row": 11,
            "start_seconds": 0.0,
            "end_seconds": 1.9,
            "loss": 0.03,
            "low_hz": 14.1,
            "high_hz": 352.8,
        }
    ],
    "agreement": {
        "ways": ["cut", "silence", "noise"],
        "concordance": 0.71,
        "p_value": 0.0004,
        "largest": 0.41,
        "enough": True,
    },
    "verdict": "Cutting out, silence and noise agree (Kendall's W 0.71, p < 0.001)",
    "notes": [],
    "speaks_for": [_SPAN],
    "speaks_against": [_AGAINST],
    "spectrogram": {
        "start_seconds": 0.0,
        "end_seconds": 30.0,
        "borders_hz": [14.1, 42.3, 70.6],
        "decibels": [[-31, -28, -40], [-44, -39, -52]],
    },
}


def _refusal(description: str, kind: str, message: str) -> dict[str, Any]:
    example = {"error": {"type": kind, "message": message}}
    return {
        "model": Problem,
        "description": description,
        "content": {"application/json": {"example": example}},
    }


#: Everything but success, for routes that take audio or a key.
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: _refusal("Malformed", "RequestError", "the body ends before its last boundary"),
    401: _refusal("No good key", "AccessError", "this server wants an API key"),
    408: _refusal("Too slow", "SlowRequestError", "the body did not arrive in time"),
    413: _refusal("Too much", "AudioLimitError", "there are 66.8 MiB, more than the limit"),
    415: _refusal("No audio", "AudioFormatError", "this is not audio that can be read"),
    422: _refusal("Makes no sense", "AudioContentError", "the file has zero bytes; get it again"),
    429: _refusal("Too often", "RateLimitError", "more than 120 requests a minute; slow down"),
    503: _refusal("No room now", "BusyError", "the server has more requests than it can answer"),
}
UNKNOWN_JOB: dict[int | str, dict[str, Any]] = {
    404: _refusal("No such job", "UnknownResourceError", "there is no job '0'"),
}
