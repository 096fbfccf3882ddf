"""Ten hours in a few megabytes: written frame by frame, since no encoder is that quick."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from genrekit.audio import DecodeLimits, decode, probe
from genrekit.errors import AudioLimitError
from genrekit.schema import ExcerptConfig

HOURS = 10


def _crc_table(bits: int, polynomial: int) -> list[int]:
    top, mask = 1 << (bits - 1), (1 << bits) - 1
    table = []
    for byte in range(256):
        value = byte << (bits - 8)
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & mask
        table.append(value)
    return table


def _crc(data: bytes, bits: int, table: list[int]) -> int:
    value, mask = 0, (1 << bits) - 1
    for byte in data:
        value = (value << 8 & mask) ^ table[value >> (bits - 8) & 0xFF ^ byte]
    return value


def _utf8_like(number: int) -> bytes:
    return chr(number).encode("utf-8", "surrogatepass")


def silent_flac(seconds: int) -> bytes:
    """44.1 kHz mono 16-bit: constant subframes of 4608 samples (RFC 9639, section 9)."""
    crc8, crc16 = _crc_table(8, 0x07), _crc_table(16, 0x8005)
    frames = seconds * 44100 // 4608
    rate_and_size = 44100 << 44 | 0 << 41 | 15 << 36 | frames * 4608
    info = struct.pack(">HH", 4608, 4608) + bytes(6) + rate_and_size.to_bytes(8, "big") + bytes(16)
    parts = [b"fLaC\x80\x00\x00\x22", info]
    for number in range(frames):
        header = b"\xff\xf8\x59\x08" + _utf8_like(number)
        frame = header + bytes([_crc(header, 8, crc8)]) + b"\0\0\0"
        parts.append(frame + _crc(frame, 16, crc16).to_bytes(2, "big"))
    return b"".join(parts)


def silent_opus(seconds: int) -> bytes:
    """48 kHz mono: pages of one second, each of fifty empty packets (RFC 6716, RFC 7845)."""
    table = _crc_table(32, 0x04C11DB7)

    def page(packets: list[bytes], position: int, sequence: int, flags: int) -> bytes:
        head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, position, 7, sequence, 0, len(packets))
        body = head + bytes(map(len, packets)) + b"".join(packets)
        return body[:22] + struct.pack("<I", _crc(body, 32, table)) + body[26:]

    head = struct.pack("<8sBBHIHB", b"OpusHead", 1, 1, 312, 48000, 0, 0)
    tags = struct.pack("<8sII", b"OpusTags", 0, 0)
    pages = [page([head], 0, 0, 2), page([tags], 0, 1, 0)]
    packet = b"\xf8\xff\xfe"  # 20 ms of CELT, as encoders write digital silence
    for number in range(1, seconds + 1):
        flags = 4 if number == seconds else 0
        pages.append(page([packet] * 50, number * 48000, number + 1, flags))
    return b"".join(pages)


@pytest.fixture(scope="module")
def flac(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "ten_hours.flac"
    path.write_bytes(silent_flac(HOURS * 3600))
    return path


@pytest.fixture(scope="module")
def opus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "ten_hours.opus"
    path.write_bytes(silent_opus(HOURS * 3600))
    return path


def _both(flac: Path, opus: Path) -> tuple[Path, Path]:
    return flac, opus


@pytest.mark.slow
def test_half_a_minute_of_ten_hours_decodes_little_more(flac: Path, opus: Path) -> None:
    limits = DecodeLimits(decoded_bytes=4 * 48000 * 2 * 60)
    for path in _both(flac, opus):
        assert path.stat().st_size < 9e6
        assert probe(path).seconds == pytest.approx(HOURS * 3600, abs=1)
        for start in (None, 0.0, 35_000.0):
            excerpt = ExcerptConfig(start_seconds=start, duration_seconds=30.0)
            waveform = decode(path, excerpt=excerpt, limits=limits)
            assert waveform.seconds == 30.0
            assert waveform.warnings[0].startswith("silent: ")


@pytest.mark.slow
def test_all_of_ten_hours_is_refused_at_once(flac: Path, opus: Path) -> None:
    for path in _both(flac, opus):
        with pytest.raises(AudioLimitError) as caught:
            decode(path)
        assert caught.value.limit == "seconds"
        assert caught.value.seen == pytest.approx(36000, abs=1)


@pytest.mark.slow
def test_without_an_honest_header_the_limit_ends_it_in_bounded_memory(
    flac: Path, peak_memory_code: str
) -> None:
    """The header leaves the length open, so an hour is decoded before the limit is passed."""
    data = bytearray(flac.read_bytes())
    data[21:26] = bytes([data[21] & 0xF0, 0, 0, 0, 0])
    lying = flac.with_name("lying.flac")
    lying.write_bytes(data)
    script = (
        f"{peak_memory_code}\n"
        "import json, sys\n"
        "from genrekit.audio import decode\n"
        "from genrekit.errors import AudioLimitError\n"
        "try:\n"
        "    decode(sys.argv[1])\n"
        "except AudioLimitError as error:\n"
        "    limit = error.limit\n"
        "print(json.dumps([limit, peak_mebibytes()]))\n"
    )
    command = [sys.executable, "-c", script, str(lying)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    limit, peak_mib = json.loads(done.stdout)
    assert limit == "seconds"
    assert peak_mib < 500
