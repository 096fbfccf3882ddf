"""What the description of the interface shows: bodies, answers and refusals."""

from __future__ import annotations

from typing import Any

from genrekit.serving.problems import Problem

_AUDIO = {"type": "string", "format": "binary"}
_OPTIONS = {
    "top": {"type": "integer", "minimum": 1},
    "segments": {"type": "boolean"},
    "threshold": {"type": "number", "minimum": 0, "maximum": 1},
    "model": {"type": "string"},
}

#: One file: in a form, or as the body itself.
AUDIO_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": _AUDIO, **_OPTIONS},
                }
            },
            "application/octet-stream": {"schema": _AUDIO},
        },
    }
}
#: Many files in a form.
FILES_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {"files": {"type": "array", "items": _AUDIO}, **_OPTIONS},
                }
            }
        },
    }
}

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
    413: _refusal("Too much", "AudioLimitError", "bytes is 70000000, more than the limit"),
    415: _refusal("No audio", "AudioFormatError", "this is not audio that can be read"),
    422: _refusal("Makes no sense", "AudioContentError", "the file has zero bytes; get it again"),
    429: _refusal("Too often", "RateLimitError", "more than 120 requests a minute; slow down"),
    503: _refusal("No room now", "BusyError", "the server has more requests than it can answer"),
}
UNKNOWN_JOB: dict[int | str, dict[str, Any]] = {
    404: _refusal("No such job", "UnknownResourceError", "there is no job '0'"),
}
