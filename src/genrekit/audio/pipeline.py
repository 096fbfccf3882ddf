"""An open track to clean blocks at one rate, and the verdict on what was lost on the way."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

import numpy as np
import soxr
from numpy.typing import NDArray

from genrekit.audio.container import scan_seconds
from genrekit.audio.downmix import LOUDEST, Frames, cell_frames, downmixed
from genrekit.audio.excerpt import Cut, plan_cut
from genrekit.audio.limits import Meter, check_seconds
from genrekit.audio.packets import Damage, read_packets
from genrekit.audio.sndfile import read_sound
from genrekit.audio.track import Track, truncated
from genrekit.errors import AudioContentError, AudioFormatError
from genrekit.schema import ExcerptConfig

Block = NDArray[np.float32]

#: Audio whose largest sample is below this (-80 dB of full scale) is called silent.
SILENT_PEAK = 1e-4
#: Fewer samples than this hold no music, whatever follows.
FEWEST_SAMPLES = 16
#: A larger share of samples that are not numbers is an error; a smaller one becomes zeros.
MOST_NON_FINITE = 0.01

# FFmpeg reads on where libsndfile gave up. In Ogg, libsndfile leaves holes and goes on itself.
_RECOVERABLE = frozenset({"mp3", "flac"})


@dataclass(slots=True)
class Findings:
    """What is known of a decode while it goes on; complete when it has ended.

    Attributes
    ----------
    warnings : list of str
        Named states.
    start_seconds : float
        Where in the track the first block lies.
    """

    warnings: list[str]
    start_seconds: float = 0.0

    def note(self, warnings: list[str]) -> None:
        """Add the states that are not known yet."""
        known = {warning.split(":")[0] for warning in self.warnings}
        self.warnings += [one for one in warnings if one.split(":")[0] not in known]


@dataclass(slots=True)
class _Tally:
    """What one pass over a track saw."""

    native_frames: int = 0
    non_finite: int = 0
    samples: int = 0
    peak: float = 0.0
    damage: Damage = field(default_factory=Damage)

    def add(self, other: _Tally) -> None:
        """Count in what another pass saw."""
        self.native_frames += other.native_frames
        self.non_finite += other.non_finite
        self.samples += other.samples
        self.peak = max(self.peak, other.peak)
        self.damage.skipped_packets += other.damage.skipped_packets
        self.damage.trailing_packets += other.damage.trailing_packets


def decoded_blocks(
    track: Track, excerpt: ExcerptConfig, rate_hz: int, meter: Meter, findings: Findings
) -> Generator[Block, None, None]:
    """Blocks of mono float32 at ``rate_hz``; what is found on the way goes into ``findings``.

    Raises
    ------
    AudioError
        As :class:`genrekit.audio.AudioStream` documents.
    """
    tally = _Tally()
    if track.links:
        yield from _chained(track, excerpt, rate_hz, meter, findings, tally)
    else:
        yield from _single(track, excerpt, rate_hz, meter, findings, tally)
    findings.warnings += _content(track, tally, rate_hz)


def _single(
    track: Track,
    excerpt: ExcerptConfig,
    rate_hz: int,
    meter: Meter,
    findings: Findings,
    tally: _Tally,
) -> Iterator[Block]:
    middle = excerpt.start_seconds is None
    seconds = scan_seconds(track.file, meter) if middle and track.seconds is None else track.seconds
    cut, own = plan_cut(excerpt, seconds, track.info.sample_rate_hz, rate_hz), _Tally()
    findings.start_seconds = cut.begin / track.info.sample_rate_hz + cut.skip / rate_hz
    yield from _pass(track, cut, rate_hz, meter, own)
    if own.samples == 0 and middle and cut.begin > 0:
        # The header lied: the middle of what it promises lies beyond what there is.
        seconds = scan_seconds(track.file, meter)
        cut, own = plan_cut(excerpt, seconds, track.info.sample_rate_hz, rate_hz), _Tally()
        findings.start_seconds = cut.begin / track.info.sample_rate_hz + cut.skip / rate_hz
        yield from _pass(track, cut, rate_hz, meter, own)
    tally.add(own)
    findings.note(_losses(track, cut, own))


def _chained(
    track: Track,
    excerpt: ExcerptConfig,
    rate_hz: int,
    meter: Meter,
    findings: Findings,
    tally: _Tally,
) -> Iterator[Block]:
    """Yield the links one behind the other, each decoded on its own."""
    lengths = [_samples_of(link, rate_hz, meter) for link in track.links]
    whole = plan_cut(excerpt, sum(lengths) / rate_hz, rate_hz, rate_hz)
    first = whole.begin + whole.skip
    end = None if whole.keep is None else first + whole.keep
    findings.start_seconds = first / rate_hz
    offset = 0
    for link, length in zip(track.links, lengths, strict=True):
        begin = max(first - offset, 0)
        last = length if end is None else min(length, end - offset)
        offset += length
        if begin >= last:
            continue
        part = ExcerptConfig(
            start_seconds=begin / rate_hz, duration_seconds=(last - begin) / rate_hz
        )
        cut, own = plan_cut(part, None, link.info.sample_rate_hz, rate_hz), _Tally()
        yield from _pass(link, cut, rate_hz, meter, own)
        findings.note(_losses(link, cut, own))
        tally.add(own)
        check_seconds(meter.limits, tally.samples / rate_hz)


def _samples_of(link: Track, rate_hz: int, meter: Meter) -> int:
    seconds = link.seconds
    if seconds is None:
        seconds = scan_seconds(link.file, meter)
    return round((seconds or 0.0) * rate_hz)


def conditioned(blocks: Iterator[Frames], native_hz: int, rate_hz: int) -> Iterator[Block]:
    """Frames (n, channels) that need no decoder, treated as decoded ones are."""
    mono = downmixed(blocks, cell_frames(native_hz, rate_hz))
    yield from _resampled(_clean(mono, _Tally()), native_hz, rate_hz)


def _pass(track: Track, cut: Cut, rate_hz: int, meter: Meter, tally: _Tally) -> Iterator[Block]:
    cell = cell_frames(track.info.sample_rate_hz, rate_hz)
    native = _clean(downmixed(_native(track, cut, meter, tally.damage), cell), tally)
    for block in _kept(_resampled(native, track.info.sample_rate_hz, rate_hz), cut):
        tally.samples += len(block)
        tally.peak = max(tally.peak, float(np.abs(block).max()))
        check_seconds(meter.limits, tally.samples / rate_hz)
        yield block


def _native(track: Track, cut: Cut, meter: Meter, damage: Damage) -> Iterator[Frames]:
    """Frames at the file's own rate, from whichever decoder gets on."""
    position = cut.begin
    if track.by_soundfile:
        for block in read_sound(track.file, cut.begin, cut.count, meter):
            position += len(block)
            yield block
        if track.info.container not in _RECOVERABLE or position >= _end(track, cut):
            return
    rate_hz = track.info.sample_rate_hz
    yield from read_packets(track.file, rate_hz, position, meter, damage, track.block_frames)


def _end(track: Track, cut: Cut) -> int:
    """Return the frame that decoding should reach."""
    frames = round((track.seconds or 0.0) * track.info.sample_rate_hz)
    return frames if cut.count is None else min(frames, cut.begin + cut.count)


def _clean(blocks: Iterator[Block], tally: _Tally) -> Iterator[Block]:
    """Zeros in place of samples that are not numbers, and a count of them."""
    for block in blocks:
        good = np.abs(block) < LOUDEST
        bad = len(block) - int(np.count_nonzero(good))
        tally.native_frames += len(block)
        tally.non_finite += bad
        yield np.where(good, block, np.float32(0)) if bad else block


def _resampled(blocks: Iterator[Block], native_hz: int, rate_hz: int) -> Iterator[Block]:
    if native_hz == rate_hz:
        yield from blocks
        return
    resampler = soxr.ResampleStream(native_hz, rate_hz, 1, dtype="float32")
    for block in blocks:
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _kept(blocks: Iterator[Block], cut: Cut) -> Iterator[Block]:
    position, end = 0, None if cut.keep is None else cut.skip + cut.keep
    for block in blocks:
        piece = block[max(cut.skip - position, 0) : None if end is None else end - position]
        position += len(block)
        if len(piece):
            yield piece
        if end is not None and position >= end:
            return


# --- named states -------------------------------------------------------------------------------


def _losses(track: Track, cut: Cut, tally: _Tally) -> list[str]:
    damage, rate_hz = tally.damage, track.info.sample_rate_hz
    found = (cut.begin + tally.native_frames) / rate_hz + damage.lost_seconds
    missing = 0.0
    ended = cut.keep is None or tally.samples < cut.keep
    if ended and track.seconds is not None and track.tolerance_seconds is not None:
        # An excerpt that begins after the end is not a loss.
        expected = max(track.seconds, cut.begin / rate_hz)
        missing = expected - found if expected - found > track.tolerance_seconds else 0.0
    holes = track.info.container == "ogg" and missing > 0
    if damage.skipped_packets or damage.lost_seconds or holes:
        return [_damaged(damage.skipped_packets, missing + damage.lost_seconds)]
    return [truncated(track.seconds or 0.0, found)] if missing else []


def _damaged(packets: int, seconds: float) -> str:
    parts = [f"{packets} packets could not be decoded"] if packets else []
    parts += [f"{seconds:.2f} s are missing"] if seconds else []
    return f"damaged: {', '.join(parts)}; the rest was read"


def _content(track: Track, tally: _Tally, rate_hz: int) -> list[str]:
    if tally.samples == 0:
        raise _nothing(track, tally)
    if tally.samples < FEWEST_SAMPLES:
        raise AudioContentError(
            "too_short",
            f"the audio has {tally.samples} samples at {rate_hz} Hz, expected {FEWEST_SAMPLES} or "
            "more; give it a longer piece",
        )
    notes = []
    if tally.non_finite:
        share = tally.non_finite / tally.native_frames
        if share > MOST_NON_FINITE:
            raise AudioContentError(
                "non_finite",
                f"{share:.1%} of the samples are NaN or infinite, expected at most "
                f"{MOST_NON_FINITE:.0%}; export the file again",
            )
        notes.append(f"non_finite: {tally.non_finite} NaN or infinite samples became zeros")
    if tally.peak < SILENT_PEAK:
        notes.append(f"silent: the largest sample is {tally.peak:.1g} of full scale")
    return notes


def _nothing(track: Track, tally: _Tally) -> AudioContentError | AudioFormatError:
    if tally.damage.trailing_packets or tally.damage.skipped_packets:
        return AudioFormatError(
            f"none of the {track.info.codec} audio could be decoded; it is damaged beyond "
            "recovery, get it again"
        )
    place = "file" if track.seconds is None else f"wanted part of {track.seconds:.2f} s"
    message = f"there is no audio in the {place}; give it another file or excerpt"
    return AudioContentError("empty", message)
