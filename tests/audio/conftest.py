"""Small clips in every format, made by the encoders of libsndfile and FFmpeg."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import NamedTuple

import av
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Encode = Callable[..., bytes]

SOUNDFILE = {
    "wav": ("WAV", "PCM_16"),
    "wav_float": ("WAV", "FLOAT"),
    "au": ("AU", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
}
FFMPEG = {
    "lame": ("mp3", "libmp3lame"),
    "m4a": ("ipod", "aac"),
    "aac": ("adts", "aac"),
    "wma": ("asf", "wmav2"),
    "webm": ("webm", "libopus"),
}
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


class Clip(NamedTuple):
    data: bytes
    samples: Samples
    rate_hz: int


def _by_soundfile(samples: Samples, rate_hz: int, container: str, codec: str) -> bytes:
    file = io.BytesIO()
    channels = samples.shape[1]
    with soundfile.SoundFile(file, "w", rate_hz, channels, codec, format=container) as sound:
        # In small blocks: libsndfile's Vorbis encoder puts a whole block on the stack.
        for begin in range(0, len(samples), 4096):
            sound.write(samples[begin : begin + 4096])
    return file.getvalue()


def _by_ffmpeg(samples: Samples, rate_hz: int, container: str, codec: str) -> bytes:
    file = io.BytesIO()
    layout = LAYOUTS[samples.shape[1]]
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate_hz)
        assert isinstance(stream, av.AudioStream)
        stream.layout, stream.bit_rate = layout, 64_000 * samples.shape[1]
        to_codec = av.AudioResampler(format=stream.format, layout=layout, rate=rate_hz)
        # Interleaved: PyAV miscounts the planes of eight and more channels.
        packed = np.ascontiguousarray(samples).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate, frame.pts = rate_hz, 0
        for piece in (*to_codec.resample(frame), *to_codec.resample(None), None):
            output.mux(stream.encode(piece))
    return file.getvalue()


@pytest.fixture(scope="session")
def encode() -> Encode:
    """``encode(name, samples, rate_hz)``: samples (n,) or (n, channels) to a file's bytes."""

    def encoded(name: str, samples: Samples, rate_hz: int) -> bytes:
        frames = samples.astype(np.float32).reshape(len(samples), -1)
        if name in SOUNDFILE:
            return _by_soundfile(frames, rate_hz, *SOUNDFILE[name])
        return _by_ffmpeg(frames, rate_hz, *FFMPEG[name])

    return encoded


def music(seconds: float, rate_hz: int, channels: int = 2, seed: int = 0) -> Samples:
    """Slow noise and a glide: easy to code, and every moment differs from every other."""
    generator = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    glide = 0.3 * np.sin(2 * np.pi * (300 * time + 25 * time**2))
    noise = np.convolve(generator.normal(0, 0.1, len(time)), np.ones(8) / 8, "same")
    return np.stack([(glide + noise) * 0.8**n for n in range(channels)], 1).astype(np.float32)


@pytest.fixture(scope="session")
def make_music() -> Callable[..., Samples]:
    """``make_music(seconds, rate_hz, channels=2)``: (n, channels) float32."""
    return music


@pytest.fixture(scope="session")
def clips(encode: Encode) -> dict[str, Clip]:
    """Six seconds of stereo in every format."""
    made = {}
    for name in (*SOUNDFILE, *FFMPEG):
        rate_hz = 48000 if name in ("opus", "webm") else 44100
        samples = music(6.0, rate_hz)
        made[name] = Clip(encode(name, samples, rate_hz), samples, rate_hz)
    return made


def correlation(found: Samples, wanted: Samples) -> float:
    """Largest normalised correlation, over all shifts, of the shorter with the longer."""
    long, short = sorted((found, wanted), key=len, reverse=True)
    size = 1 << (len(long) + len(short)).bit_length()
    products = np.fft.irfft(np.fft.rfft(long, size) * np.conj(np.fft.rfft(short, size)), size)
    energy = np.concatenate([[0.0], np.cumsum(long.astype(np.float64) ** 2)])
    shifts = len(long) - len(short) + 1
    norms = np.sqrt(np.maximum(energy[-shifts:] - energy[:shifts], 1e-9)) * np.linalg.norm(short)
    return float((products[:shifts] / norms).max())


@pytest.fixture(scope="session")
def best_match() -> Callable[[Samples, Samples], float]:
    """``best_match(found, wanted)``: how well the shorter fits somewhere inside the longer."""
    return correlation
