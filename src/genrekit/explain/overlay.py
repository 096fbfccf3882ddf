"""A spectrogram with what a genre rests on laid over it, as numbers and as a PNG.

The PNG is written here: no extra that serves or trains has a library for pictures, and one picture
without interlacing or palette is a header, zlib and three checksums (W3C, *Portable Network
Graphics*, 2003).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from genrekit.audio import Waveform
from genrekit.explain.agreement import SMALLEST_LOSS
from genrekit.explain.records import Occlusion, Patch, Span
from genrekit.features import MelFrontend
from genrekit.inference import Classifier
from genrekit.pages import FADED
from genrekit.schema import Contract, MelConfig

Pixels = NDArray[np.uint8]

#: What speaks for a genre and what against it; told apart in any colour vision (Okabe and Ito).
FOR, AGAINST = (230, 159, 0), (86, 180, 233)
#: What no way of hiding agrees on.
NO_EVIDENCE = (128, 128, 128)
COLUMNS = 300
_BANDS = 64
#: Of the spectrogram, what lies below it, and the bars for seconds, in pixels.
WIDTH, HEIGHT, GAP, STRIP = 960, 384, 6, 54
_DARKEST, _BRIGHTEST = 14.0, 226.0
_RANGE_DB = 80.0
# Of the colour of the strongest patch; the music stays visible below it.
_STRONGEST = 0.8
_FADED = _STRONGEST * FADED
# The colours are not at their strongest below this loss of log-odds.
_LEAST_TOP = 10 * SMALLEST_LOSS


class Spectrogram(Contract):
    """Decibels of the part that was listened to, of full scale."""

    start_seconds: float
    end_seconds: float
    borders_hz: tuple[float, ...] = Field(description="of the bands, one more than there are")
    decibels: tuple[tuple[int, ...], ...] = Field(description="a row for each band, lowest first")


def spectrogram(classifier: Classifier, waveform: Waveform) -> Spectrogram:
    """Mel bands of a track: the model's own if it listens to any."""
    found = classifier.bundle.frontends.values()
    plain = MelConfig(sample_rate_hz=classifier.sample_rate_hz, n_mels=_BANDS)
    own = next((one for one in found if isinstance(one, MelFrontend)), None)
    frontend = own or MelFrontend(plain)
    levels = narrowed(frontend(waveform.samples).astype(np.float64), COLUMNS)
    begin = waveform.start_seconds
    return Spectrogram(
        start_seconds=begin,
        end_seconds=begin + waveform.seconds,
        borders_hz=tuple(round(hz, 1) for hz in frontend.borders_hz.tolist()),
        decibels=tuple(map(tuple, levels.round().astype(int).tolist())),
    )


def narrowed(values: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """At most ``most`` columns, each the mean of some of those of ``values`` (n_rows, n)."""
    parts = np.array_split(values, min(most, values.shape[1]), axis=1)
    return np.stack([part.mean(axis=1) for part in parts], axis=1)


def overlaid(found: Occlusion, shown: Spectrogram) -> Pixels:
    """Draw the picture (height, width, 3): spectrogram, patches over it, seconds below."""
    levels = np.array(shown.decibels, np.float64)
    shares = 1 + np.clip((levels - levels.max()) / _RANGE_DB, -1, 0)
    grey = _DARKEST + (_BRIGHTEST - _DARKEST) * shares
    rows = len(grey) - 1 - np.arange(HEIGHT) * len(grey) // HEIGHT
    columns = np.arange(WIDTH) * grey.shape[1] // WIDTH
    picture = np.repeat(grey[np.ix_(rows, columns)][..., np.newaxis], 3, axis=2)
    _tint(picture, found.patches, shown, _STRONGEST if _patches_hold(found) else _FADED)
    gap = np.full((GAP, WIDTH, 3), _DARKEST)
    whole = np.concatenate([picture, gap, _strip(found.occlusion, shown)])
    return whole.round().astype(np.uint8)


def png(pixels: Pixels, description: str) -> bytes:
    """Return a PNG of pixels (height, width, 3) that says of itself what it shows."""
    height, width, _ = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    # Each line is preceded by the number of its filter: none.
    lines = np.pad(pixels.reshape(height, -1), ((0, 0), (1, 0)))
    text = b"Description\0\0\0\0\0" + description.encode()
    chunks = (
        (b"IHDR", header),
        (b"iTXt", text),
        (b"IDAT", zlib.compress(lines.tobytes(), 6)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def described(found: Occlusion) -> str:
    """Return what the picture shows, in words."""
    strongest = max(found.occlusion, key=lambda span: abs(span.loss))
    return (
        f"What {found.genre} ({found.probability:.3f}) rests on in {found.path}, as "
        f"{found.model.name} {found.model.version} analyses it, from {found.start_seconds:.1f} s "
        f"on for {found.seconds:.1f} s. Orange speaks for it, blue against it: without "
        f"{strongest.start_seconds:.1f} to {strongest.end_seconds:.1f} s its log-odds change "
        f"most, by {-strongest.loss:+.2f}. {found.verdict}. {found.patch_verdict}."
    )


def largest_loss(parts: Sequence[Span | Patch]) -> float:
    """Return what the strongest colour and the longest bar stand for: never next to nothing."""
    return max(_LEAST_TOP, *(abs(one.loss) for one in parts)) if parts else _LEAST_TOP


def _patches_hold(found: Occlusion) -> bool:
    agreement, faithful = found.patch_agreement, found.patch_faithfulness
    return (agreement is None or agreement.enough) and (faithful is None or faithful.faithful)


def _tint(
    picture: NDArray[np.float64], patches: Sequence[Patch], shown: Spectrogram, strongest: float
) -> None:
    top = largest_loss(patches)
    for patch in patches:
        if patch.low_hz is None or patch.high_hz is None or not patch.evidence:
            continue
        x = _places([patch.start_seconds, patch.end_seconds], shown)
        bands = np.interp(
            [patch.low_hz, patch.high_hz], shown.borders_hz, np.arange(len(shown.borders_hz))
        )
        y = (HEIGHT * (1 - bands / len(shown.decibels))).round().astype(int)
        share = strongest * abs(patch.loss) / top
        area = picture[y[1] : y[0], x[0] : x[1]]
        area += share * (np.array(FOR if patch.loss > 0 else AGAINST) - area)


def _strip(spans: Sequence[Span], shown: Spectrogram) -> NDArray[np.float64]:
    """Return a bar for each hidden piece: up is for the genre, down against it."""
    strip = np.full((STRIP, WIDTH, 3), _DARKEST)
    middle = STRIP // 2
    top = largest_loss(spans)
    for span in spans:
        start, stop = _places([span.start_seconds, span.end_seconds], shown)
        tall = round(middle * abs(span.loss) / top)
        rows = slice(middle - tall, middle) if span.loss > 0 else slice(middle, middle + tall)
        colour = FOR if span.loss > 0 else AGAINST
        strip[rows, start : max(start + 1, stop - 1)] = colour if span.evidence else NO_EVIDENCE
    return strip


def _places(seconds: Sequence[float], shown: Spectrogram) -> list[int]:
    share = (np.array(seconds) - shown.start_seconds) / (shown.end_seconds - shown.start_seconds)
    places: list[int] = (np.clip(share, 0, 1) * WIDTH).round().astype(int).tolist()
    return places


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(data, zlib.crc32(kind))
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)
