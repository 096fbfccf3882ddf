"""In every container and codec that can be written here, an excerpt is a slice of the whole."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from genrekit.audio import decode
from genrekit.audio.formats import AUDIO_SUFFIXES, CONTAINERS, SOUNDFILE_FORMATS
from genrekit.batch import scan_for_audio
from genrekit.errors import AudioFormatError
from genrekit.schema import ExcerptConfig

SECONDS = 5.0
ANALYSED_HZ = 16000

# Muxer, encoder, rate.
FFMPEG = [
    ("adts", "aac", 44100), ("aiff", "pcm_s16be", 44100), ("aiff", "pcm_s24be", 44100),
    ("asf", "wmav1", 44100), ("asf", "wmav2", 44100), ("au", "pcm_mulaw", 8000),
    ("caf", "alac", 44100), ("caf", "pcm_s16le", 44100), ("caf", "adpcm_ima_qt", 44100),
    ("flac", "flac", 44100), ("ipod", "aac", 44100), ("ipod", "alac", 44100),
    ("matroska", "aac", 44100), ("matroska", "ac3", 48000), ("matroska", "flac", 44100),
    ("matroska", "libmp3lame", 44100), ("matroska", "libopus", 48000),
    ("matroska", "libvorbis", 44100), ("matroska", "mp2", 44100), ("matroska", "pcm_s16le", 44100),
    ("mov", "pcm_s24le", 44100), ("mov", "adpcm_ima_qt", 44100), ("mov", "pcm_s16be", 44100),
    ("mp2", "mp2", 44100), ("mp3", "libmp3lame", 44100), ("mp3", "libmp3lame", 22050),
    ("mp4", "libmp3lame", 44100), ("mp4", "libopus", 48000), ("mp4", "flac", 44100),
    ("mp4", "ac3", 48000), ("ogg", "flac", 44100), ("ogg", "libopus", 48000),
    ("ogg", "libvorbis", 44100), ("ogg", "libspeex", 16000), ("tta", "tta", 44100),
    ("w64", "pcm_s16le", 44100), ("wav", "adpcm_ima_wav", 44100), ("wav", "adpcm_ms", 44100),
    ("wav", "adpcm_swf", 44100), ("wav", "adpcm_yamaha", 44100), ("wav", "ac3", 48000),
    ("wav", "g722", 16000), ("wav", "g726", 8000), ("wav", "libmp3lame", 44100),
    ("wav", "pcm_alaw", 8000), ("wav", "pcm_f64le", 44100), ("wav", "pcm_s64le", 44100),
    ("wav", "pcm_s32le", 44100), ("wav", "pcm_u8", 44100), ("webm", "libopus", 48000),
    ("webm", "libvorbis", 44100), ("wv", "wavpack", 44100), ("amr", "libopencore_amrnb", 8000),
]  # fmt: skip
# FFmpeg calls files of these containers so, too, and they are not music: pictures, lists.
ELSEWHERE = {".apl", ".avif", ".heic", ".heif", ".ism", ".isma", ".ismv", ".mj2", ".mk3d", ".mks",
             ".psp"}  # fmt: skip
# Read alike in every container.
PLAIN = ("ALAW", "DOUBLE", "FLOAT", "PCM_24", "PCM_32", "PCM_S8", "PCM_U8", "ULAW")
SOUNDFILE = [
    (container, codec)
    for container in sorted(SOUNDFILE_FORMATS)
    for codec in sorted(soundfile.available_subtypes(container))
    if soundfile.check_format(container, codec)
    and not codec.startswith("DWVW")  # it cannot read back what it writes
    and (container == "WAV" or codec not in PLAIN)
]


@cache
def music(rate_hz: int) -> np.ndarray:
    """A glide in a little noise: every moment differs from every other."""
    time = np.arange(round(SECONDS * rate_hz)) / rate_hz
    noise = np.random.default_rng(0).normal(0, 0.02, len(time))
    samples = 0.3 * np.sin(2 * np.pi * (300 * time + 80 * time**2)) + noise
    return samples.astype(np.float32)


def by_ffmpeg(container: str, codec: str, rate_hz: int) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate_hz)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        if codec.startswith("wma"):
            stream.bit_rate = 64_000
        kinds = av.Codec(stream.codec_context.name, "w").audio_formats
        assert kinds is not None
        stream.format = kind = kinds[0]
        to_codec = av.AudioResampler(
            format=kind, layout="mono", rate=rate_hz, frame_size=stream.frame_size or 0
        )
        frame = av.AudioFrame.from_ndarray(music(rate_hz)[np.newaxis], format="flt", layout="mono")
        frame.sample_rate, frame.pts = rate_hz, 0
        for piece in (*to_codec.resample(frame), *to_codec.resample(None), None):
            output.mux(stream.encode(piece))
    return file.getvalue()


def by_soundfile(container: str, codec: str) -> bytes:
    rates = {"GSM610": 8000, "OPUS": 48000, "G721_32": 8000}
    rate_hz = rates.get(codec, 44100)
    file = io.BytesIO()
    try:
        opened = soundfile.SoundFile(file, "w", rate_hz, 1, codec, format=container)
    except soundfile.LibsndfileError:
        pytest.skip(f"this libsndfile writes no {codec} in {container}")
    with opened as sound:
        samples = music(rate_hz)
        for begin in range(0, len(samples), 4096):
            sound.write(samples[begin : begin + 4096])
    return file.getvalue()


def shift_ms(part: np.ndarray, whole: np.ndarray, begin: int) -> float:
    """By how much ``part`` lies elsewhere in ``whole`` than at ``begin``."""
    size = 1 << (len(whole) + len(part)).bit_length()
    product = np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size))
    return float(1000 * (np.fft.irfft(product, size)[: len(whole)].argmax() - begin) / ANALYSED_HZ)


def check(data: bytes) -> None:
    try:
        whole = decode(data, sample_rate_hz=ANALYSED_HZ)
    except AudioFormatError as error:
        pytest.skip(f"not read: {error}")
    assert whole.warnings == ()
    assert whole.seconds == pytest.approx(SECONDS, abs=0.15)
    for start, duration in ((None, 2.0), (3.4, 1.0)):
        excerpt = ExcerptConfig(start_seconds=start, duration_seconds=duration)
        part = decode(data, sample_rate_hz=ANALYSED_HZ, excerpt=excerpt)
        assert (part.seconds, part.warnings) == (duration, ())
        if start is None:
            assert part.start_seconds == pytest.approx((whole.seconds - duration) / 2, abs=0.03)
        begin = round(part.start_seconds * ANALYSED_HZ)
        assert abs(shift_ms(part.samples, whole.samples, begin)) <= 1.0


@pytest.mark.parametrize(("container", "codec", "rate_hz"), FFMPEG)
def test_ffmpeg(container: str, codec: str, rate_hz: int) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"no {codec} in this FFmpeg")
    check(by_ffmpeg(container, codec, rate_hz))


@pytest.mark.parametrize(("container", "codec"), SOUNDFILE)
def test_soundfile(container: str, codec: str) -> None:
    check(by_soundfile(container, codec))


def test_every_container_of_the_decoder_can_be_found_in_a_folder(tmp_path: Path) -> None:
    """One table says both what is let in and what its files are called."""
    wanted = {suffix for table in (CONTAINERS, SOUNDFILE_FORMATS) for row in table.values()
              for suffix in row}  # fmt: skip
    assert all(CONTAINERS.values())
    assert all(SOUNDFILE_FORMATS.values())
    for name in CONTAINERS:  # whatever FFmpeg itself calls files of a container
        known = av.ContainerFormat(name, "r").extensions
        wanted |= {f".{suffix}" for suffix in known} - ELSEWHERE
    for suffix in wanted:
        (tmp_path / f"a{suffix}").touch()
    (tmp_path / "a.txt").touch()
    found = scan_for_audio([tmp_path])
    assert {path.suffix for path in found.files} == wanted
    assert found.skipped == {".txt": 1}


@pytest.mark.parametrize("muxer", sorted({container for container, _, _ in FFMPEG}))
def test_whatever_is_read_when_named_is_found_in_a_folder(muxer: str) -> None:
    suffixes = av.ContainerFormat(muxer, "w").extensions
    assert {f".{suffix}" for suffix in suffixes} - ELSEWHERE <= AUDIO_SUFFIXES
