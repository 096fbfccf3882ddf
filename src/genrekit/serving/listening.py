"""Audio that the server itself sends, to be listened to in a browser."""

from __future__ import annotations

import io
from pathlib import Path, PurePosixPath

import soundfile
from starlette.responses import Response

from genrekit.audio import Waveform, decode
from genrekit.batch import Index
from genrekit.errors import AudioError, UnknownResourceError, quoted
from genrekit.schema import ExcerptConfig

FLAC = "audio/flac"
#: What is sent of a track of the library: the middle, which is what was listened to.
EXCERPT_SECONDS = 30.0
_RATE_HZ = 32000


def flac(made: Waveform) -> bytes:
    """Return a waveform as a FLAC file."""
    file = io.BytesIO()
    soundfile.write(file, made.samples.clip(-1, 1), made.sample_rate_hz, format="FLAC")
    return file.getvalue()


def flac_response(data: bytes) -> Response:
    """Return a FLAC file that no cache between keeps."""
    return Response(data, media_type=FLAC, headers={"Cache-Control": "private, max-age=300"})


def excerpt_of(index: Index, path: str) -> bytes:
    """Return the middle of a track of an index, mono, as a FLAC file.

    Only files that are in the index and below its folder are opened.

    Raises
    ------
    UnknownResourceError
        If the index has no such track, or its file is gone, lies elsewhere or cannot be played.
    """
    manifest = index.manifest
    if all(one.path != path for one in manifest.tracks):
        raise UnknownResourceError(f"the index has no track {quoted(path)}")
    folder = Path(manifest.folder).resolve()
    file = (folder / PurePosixPath(path)).resolve()
    if not file.is_relative_to(folder) or not file.is_file():
        raise UnknownResourceError(
            f"the file of {quoted(path)} is not in the library any more; run genrekit index again"
        )
    try:
        excerpt = ExcerptConfig(duration_seconds=EXCERPT_SECONDS)
        return flac(decode(file, sample_rate_hz=_RATE_HZ, excerpt=excerpt))
    except AudioError as error:
        raise UnknownResourceError(f"{quoted(path)} cannot be played: {error}") from None
