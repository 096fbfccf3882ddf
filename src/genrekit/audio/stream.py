"""Audio of any format, as blocks of mono samples at one rate: the one bounded decoder."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from genrekit.audio.header import open_track
from genrekit.audio.info import AudioInfo
from genrekit.audio.limits import DecodeLimits, Meter, check_decoded_bytes, check_seconds
from genrekit.audio.pipeline import Block, Findings, decoded_blocks
from genrekit.audio.source import Source
from genrekit.audio.track import Track
from genrekit.audio.waveform import Waveform
from genrekit.errors import ConfigError
from genrekit.schema import ExcerptConfig

_WHOLE = ExcerptConfig(start_seconds=0.0, duration_seconds=None)
_DEFAULT_LIMITS = DecodeLimits()
_RATES_HZ = range(1000, 768_001)


class AudioStream:
    """Blocks of mono float32 at ``sample_rate_hz``; iterate once.

    Attributes
    ----------
    sample_rate_hz : int
        Of the blocks.
    info : AudioInfo
        What the header said.
    """

    def __init__(
        self, track: Track, excerpt: ExcerptConfig, sample_rate_hz: int, meter: Meter
    ) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.info: AudioInfo = track.info
        self._file = track.file
        self._meter = meter
        self._findings = Findings(list(track.warnings))
        self._blocks = decoded_blocks(track, excerpt, sample_rate_hz, meter, self._findings)
        meter.pause()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Named states found so far; complete when the iteration has ended."""
        return tuple(self._findings.warnings)

    @property
    def start_seconds(self) -> float:
        """Where in the track the first block lies; known when that block was read."""
        return self._findings.start_seconds

    def __iter__(self) -> Iterator[Block]:
        return self

    def __next__(self) -> Block:
        """Return the next block, at least one sample long.

        Raises
        ------
        AudioLimitError
            If a cap is passed.
        AudioContentError
            At the end, if there was no audio, hardly any, or much that is not a number.
        AudioFormatError
            At the end, if nothing could be decoded.
        """
        self._meter.resume()
        try:
            return next(self._blocks)
        except BaseException:
            self.close()
            raise
        finally:
            self._meter.pause()

    def close(self) -> None:
        """Close the file before the end is reached; twice is fine."""
        self._blocks.close()
        self._file.close()

    def __enter__(self) -> AudioStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        # Missing if __init__ did not get that far.
        if hasattr(self, "_blocks"):
            self.close()


def open_stream(
    source: Source,
    *,
    sample_rate_hz: int = 22050,
    excerpt: ExcerptConfig = _WHOLE,
    limits: DecodeLimits = _DEFAULT_LIMITS,
) -> AudioStream:
    """Open audio for decoding block by block, in memory that does not grow with its length.

    Parameters
    ----------
    source : path, bytes or binary stream
        WAV, AU, AIFF, FLAC, MP3, Ogg, Opus, M4A/AAC, WMA, WebM and relatives. The content
        decides, never the name.
    sample_rate_hz : int
        Rate of the blocks, 1000 to 768000.
    excerpt : ExcerptConfig
        Which part; found by seeking. Without a start it is the middle of the track.
    limits : DecodeLimits
        What it may cost.

    Raises
    ------
    AudioNotFoundError
        If there is no readable regular file.
    AudioFormatError
        If it is not audio.
    AudioContentError
        If there are zero bytes.
    AudioLimitError
        If the header already says more than is allowed.
    ConfigError
        If the rate or the source makes no sense.
    """
    if sample_rate_hz not in _RATES_HZ:
        raise ConfigError(f"sample_rate_hz is {sample_rate_hz}, expected 1000 to 768000")
    meter = Meter(limits)
    track = open_track(source, meter)
    try:
        _refuse_long(track, excerpt, limits)
    except BaseException:
        track.file.close()
        raise
    return AudioStream(track, excerpt, sample_rate_hz, meter)


def decode(
    source: Source,
    *,
    sample_rate_hz: int = 22050,
    excerpt: ExcerptConfig = _WHOLE,
    limits: DecodeLimits = _DEFAULT_LIMITS,
) -> Waveform:
    """Decode audio into memory: the blocks of :func:`open_stream`, joined.

    Raises
    ------
    AudioError, ConfigError
        As :func:`open_stream` and iterating over its result do.
    """
    joined = bytearray()
    with open_stream(
        source, sample_rate_hz=sample_rate_hz, excerpt=excerpt, limits=limits
    ) as stream:
        for block in stream:
            joined += block.data
    samples = np.frombuffer(joined, np.float32)
    return Waveform(samples, sample_rate_hz, stream.warnings, stream.start_seconds)


def _refuse_long(track: Track, excerpt: ExcerptConfig, limits: DecodeLimits) -> None:
    if track.seconds is None:
        return
    wanted = track.seconds - (excerpt.start_seconds or 0.0)
    if excerpt.duration_seconds is not None:
        wanted = min(wanted, excerpt.duration_seconds)
    check_seconds(limits, wanted)
    info = track.info
    check_decoded_bytes(limits, 4.0 * wanted * info.sample_rate_hz * info.channels)
