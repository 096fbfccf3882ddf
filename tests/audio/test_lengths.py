"""The length and the middle of files that say too little of themselves, or what is not true."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import av
import numpy as np
import pytest
import soundfile

from genrekit.audio import decode, open_stream, probe
from genrekit.audio.xing import _crc16
from genrekit.schema import ExcerptConfig

SECONDS = 12.0
Samples = np.ndarray
Encode = Callable[..., bytes]


def uneven(rate_hz: int = 44100, seconds: float = SECONDS) -> Samples:
    """Loud noise, then a soft glide: a variable bit rate falls by much."""
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    noise = np.random.default_rng(0).normal(0, 0.2, len(time))
    glide = 0.2 * np.sin(2 * np.pi * (300 * time + 40 * time**2))
    loud = time < seconds / 4
    return (noise * np.where(loud, 1.0, 0.01) + glide).astype(np.float32)


def vbr(samples: Samples, rate_hz: int = 44100, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", rate_hz, channels, format="MP3", bitrate_mode="VARIABLE", compression_level=0.3
    ) as sound:
        sound.write(np.repeat(samples[:, np.newaxis], channels, axis=1))
    return file.getvalue()


def frame_bytes(data: bytes, place: int = 0) -> int:
    from genrekit.audio.mpeg import parse_mpeg

    header = parse_mpeg(data[place : place + 4])
    assert header is not None
    return header.size


def tag_place(data: bytes) -> int:
    return max(data.find(b"Xing", 0, 200), data.find(b"Info", 0, 200))


def without_tag(data: bytes) -> bytes:
    return data[frame_bytes(data) :]


def with_count(data: bytes, change: Callable[[int], int]) -> bytes:
    place = tag_place(data) + 8
    (frames,) = struct.unpack(">I", data[place : place + 4])
    return data[:place] + struct.pack(">I", change(frames)) + data[place + 4 :]


def without_fields(data: bytes) -> bytes:
    place = tag_place(data) + 4
    return data[:place] + bytes(4) + data[place + 4 :]


def with_vbri(data: bytes, frames: int) -> bytes:
    size = frame_bytes(data)
    vbri = struct.pack(">4sHHHII", b"VBRI", 1, 0, 75, len(data), frames).ljust(26, b"\0")
    return data[:4] + (bytes(32) + vbri).ljust(size - 4, b"\0") + data[size:]


def cut_id3(data: bytes) -> bytes:
    return b"ID3\x04\0\0\0\0\x0f\x00" + bytes(15 * 128) + data


def in_wav(data: bytes, rate_hz: int = 44100) -> bytes:
    """MPEG audio in a WAV file, with a mean rate that is wrong for what varies."""
    mp3 = struct.pack("<HIHHH", 1, 2, 1152, 1, 1393)
    layout = struct.pack("<HHIIHHH", 0x55, 1, rate_hz, 8000, 1, 0, len(mp3)) + mp3
    count = struct.pack("<4sII", b"fact", 4, round(SECONDS * rate_hz))
    body = struct.pack("<4sI", b"fmt ", len(layout)) + layout + count
    body += struct.pack("<4sI", b"data", len(data)) + data + b"\0" * (len(data) % 2)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(body), b"WAVE") + body


GARBAGE = bytes(np.random.default_rng(3).integers(0, 255, 60_000, np.uint8))  # no 0xFF
VARIANTS: dict[str, Callable[[bytes], bytes]] = {
    "no count": without_tag,
    "no fields": without_fields,
    "count of 0": lambda data: with_count(data, lambda _: 0),
    "half the frames": lambda data: with_count(data, lambda n: n // 2),
    "a few frames less": lambda data: with_count(data, lambda n: n - n // 20),
    "twice the frames": lambda data: with_count(data, lambda n: 2 * n),
    "vbri": lambda data: with_vbri(data, 100),
    "vbri of 0": lambda data: with_vbri(data, 0),
    "garbage in front": lambda data: GARBAGE + data,
    "garbage and no count": lambda data: GARBAGE + without_tag(data),
    "id3 and no count": lambda data: cut_id3(without_tag(data)),
    "in a wav": lambda data: in_wav(without_tag(data)),
    "id3 behind": lambda data: without_tag(data) + b"TAG" + bytes(125),
}


def lag_ms(part: Samples, whole: Samples, begin: int, rate_hz: int) -> float:
    size = 1 << (len(whole) + len(part)).bit_length()
    product = np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size))
    return float(1000 * (np.fft.irfft(product, size)[: len(whole)].argmax() - begin) / rate_hz)


def check(data: bytes, samples: Samples, *, slack_ms: float = 120.0) -> None:
    """All of it is read, nothing warns, and parts lie where they are."""
    seconds, longer = SECONDS, 0.05 + slack_ms / 1000
    info = probe(data)
    assert info.seconds == pytest.approx(seconds, abs=longer)
    truth = decode(wav(samples), sample_rate_hz=16000).samples
    whole = decode(data, sample_rate_hz=16000)
    assert whole.warnings == ()
    assert whole.seconds == pytest.approx(seconds, abs=longer)
    for start, duration in ((None, 2.0), (seconds - 3.0, 2.0)):
        excerpt = ExcerptConfig(start_seconds=start, duration_seconds=duration)
        part = decode(data, sample_rate_hz=16000, excerpt=excerpt)
        assert (part.seconds, part.warnings) == (duration, ())
        begin = round(part.start_seconds * 16000)
        assert abs(lag_ms(part.samples, whole.samples, begin, 16000)) <= 1.0
        # Encoders shift all by their padding.
        assert abs(lag_ms(part.samples, truth, begin, 16000)) <= slack_ms
        if start is None:
            assert part.start_seconds == pytest.approx((seconds - duration) / 2, abs=longer)


def wav(samples: Samples, rate_hz: int = 44100) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format="WAV")
    return file.getvalue()


@pytest.mark.parametrize("name", VARIANTS)
def test_an_mp3_is_read_to_its_real_end(name: str) -> None:
    samples = uneven()
    data = vbr(samples)
    assert 4 < tag_place(data) < 40, "the encoder wrote a count"
    check(VARIANTS[name](data), samples)


def test_a_count_that_nobody_changed_is_believed() -> None:
    data = vbr(uneven())
    assert probe(data).seconds == SECONDS
    place = tag_place(data)
    checksum = int.from_bytes(data[place + 154 : place + 156], "big")
    assert _crc16(data[: place + 154]) == checksum


def test_joined_mp3s_are_one_track() -> None:
    whole = uneven()
    one, two, three = np.split(whole, 3)
    check(vbr(one) + cut_id3(vbr(two)) + vbr(three), whole, slack_ms=200.0)


def test_joined_mp3s_of_other_rates_and_channels_are_one_track() -> None:
    whole = uneven()
    middle = decode(wav(whole[176400:352800]), sample_rate_hz=22050).samples
    data = vbr(whole[:176400]) + vbr(middle, 22050, 2) + vbr(whole[352800:])
    check(data, whole, slack_ms=200.0)


def test_noise_between_frames_is_named() -> None:
    data = without_tag(vbr(uneven()))
    middle = len(data) // 2
    waveform = decode(data[:middle] + GARBAGE[:20_000] + data[middle:])
    assert [warning.split(":")[0] for warning in waveform.warnings] == ["damaged"]
    assert waveform.seconds == pytest.approx(SECONDS, abs=0.2)


def test_aac_frames_are_counted(encode: Encode) -> None:
    samples = uneven()
    for data in (encode("aac", samples, 44100), GARBAGE + encode("aac", samples, 44100)):
        check(data, samples)


# --- chains -------------------------------------------------------------------------------------


def with_serial(data: bytes, serial: int) -> bytes:
    """Ogg pages with another serial number; checksums are made anew."""
    pages, place = [], 0
    while place < len(data):
        table = data[place + 27 : place + 27 + data[place + 26]]
        end = place + 27 + len(table) + sum(table)
        page = bytearray(data[place:end])
        page[14:18] = struct.pack("<I", serial)
        page[22:26] = bytes(4)
        page[22:26] = struct.pack("<I", _ogg_crc(bytes(page)))
        pages.append(bytes(page))
        place = end
    return b"".join(pages)


def _ogg_crc(data: bytes) -> int:
    value = 0
    for byte in data:
        value = (value << 8 & 0xFFFFFFFF) ^ _OGG_TABLE[value >> 24 ^ byte]
    return value


def _ogg_entry(value: int) -> int:
    value <<= 24
    for _ in range(8):
        value = (value << 1 ^ 0x04C11DB7 if value & 1 << 31 else value << 1) & 0xFFFFFFFF
    return value


_OGG_TABLE = [_ogg_entry(value) for value in range(256)]


@pytest.mark.parametrize("serials", [(1, 2, 3), (7, 7, 7)])
@pytest.mark.parametrize(
    "links",
    [
        (("opus", 48000), ("opus", 48000), ("opus", 48000)),
        (("ogg", 44100), ("ogg", 22050), ("ogg", 48000)),
        (("opus", 48000), ("ogg", 32000), ("opus", 48000)),
    ],
)
def test_a_chain_of_ogg_files_is_one_track(
    encode: Encode, links: tuple[tuple[str, int], ...], serials: tuple[int, ...]
) -> None:
    whole = uneven(44100, 12.0)
    data = b""
    for number, ((name, rate_hz), serial) in enumerate(zip(links, serials, strict=True)):
        piece = decode(
            wav(whole[number * 176400 : (number + 1) * 176400]), sample_rate_hz=rate_hz
        ).samples
        data += with_serial(encode(name, piece, rate_hz), serial)
    check(data, whole, slack_ms=30.0)
    blocks = list(open_stream(data))
    np.testing.assert_array_equal(np.concatenate(blocks), decode(data).samples)


# --- several tracks -----------------------------------------------------------------------------


@pytest.mark.parametrize("container", ["mp4", "matroska"])
@pytest.mark.parametrize("chosen", [0, 1])
def test_the_default_track_is_taken(container: str, chosen: int) -> None:
    from av.stream import Disposition

    tones = (400.0, 3000.0)
    lengths = (4.0, 9.0)
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        streams = [output.add_stream("aac", rate=44100) for _ in tones]
        for number, stream in enumerate(streams):
            stream.layout = "mono"
            stream.disposition = Disposition.default if number == chosen else Disposition(0)
        for stream, hz, seconds in zip(streams, tones, lengths, strict=True):
            time = np.arange(round(seconds * 44100)) / 44100
            wave = (0.3 * np.sin(2 * np.pi * hz * time)).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(wave[np.newaxis], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, 0
            for piece in (frame, None):
                output.mux(stream.encode(piece))
    waveform = decode(file.getvalue(), sample_rate_hz=16000)
    spectrum = np.abs(np.fft.rfft(waveform.samples))
    hz = spectrum.argmax() / waveform.seconds
    assert hz == pytest.approx(tones[chosen], abs=2)
    assert waveform.seconds == pytest.approx(lengths[chosen], abs=0.1)
    assert waveform.warnings == ()


@pytest.mark.parametrize("filling", [b"\xff\x00", b"\xff", b"\xff\xe0\x00\x00"])
def test_garbage_that_looks_like_frames_is_passed_over_quickly(filling: bytes) -> None:
    """It is searched, not tried byte by byte: a hostile file costs about what reading it does."""
    data = without_tag(vbr(uneven()))
    probe(data)
    alone = tries()
    probe(data + data)
    alone = tries() - alone
    before = tries()
    garbage = filling * ((1 << 20) // len(filling))
    assert probe(data + garbage + data).seconds == pytest.approx(2 * SECONDS, abs=0.4)
    assert tries() - before < alone + 1000


def tries() -> int:
    """How many places were looked at for the header of a frame."""
    from genrekit.audio.mpeg import parse_mpeg

    known = parse_mpeg.cache_info()
    return known.hits + known.misses
