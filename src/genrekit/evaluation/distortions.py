"""What happens to recordings before they are analysed: codecs, levels, noise, filters, cuts.

Functions from audio to audio are pure; those that give bytes make a file in memory, so that what
reads it is the decoder that reads the user's files.
"""

from __future__ import annotations

import io
from typing import cast

import av
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float32]


def as_wav(samples: Samples, sample_rate_hz: int) -> bytes:
    """Return a WAV file of 32-bit floats.

    Parameters
    ----------
    samples : (n,) or (n, channels) float32
    """
    file = io.BytesIO()
    soundfile.write(file, samples, sample_rate_hz, format="WAV", subtype="FLOAT")
    return file.getvalue()


def encoded(
    samples: Samples,
    sample_rate_hz: int,
    *,
    codec: str,
    container: str,
    bits_per_second: int,
    codec_rate_hz: int | None = None,
    stereo: bool = False,
) -> bytes:
    """Return a file in a lossy format.

    Parameters
    ----------
    samples : (n,) float32
        What passes full scale is clipped.
    codec, container : str
        As FFmpeg calls them: ``libmp3lame`` in ``mp3``, ``libopus`` in ``ogg``.
    codec_rate_hz : int, optional
        The rate to encode at; None takes that of the samples.
    stereo : bool
        Two equal channels.
    """
    rate = codec_rate_hz or sample_rate_hz
    at_rate = soxr.resample(samples, sample_rate_hz, rate)
    pcm = np.rint(np.clip(at_rate, -1, 1) * 32767).astype(np.int16)
    layout = "stereo" if stereo else "mono"
    interleaved = np.repeat(pcm, 2) if stereo else pcm
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = cast(av.AudioStream, output.add_stream(codec, rate=rate))
        stream.bit_rate, stream.layout = bits_per_second, layout
        frame = av.AudioFrame.from_ndarray(interleaved[np.newaxis], format="s16", layout=layout)
        frame.sample_rate = rate
        to_codec = av.AudioResampler(
            stream.format.name, layout, rate, frame_size=stream.frame_size or 1152
        )
        for piece in [*to_codec.resample(frame), *to_codec.resample(None), None]:
            output.mux(stream.encode(piece))
    return file.getvalue()


def gained(samples: Samples, gain_db: float) -> Samples:
    """Louder or quieter, clipped at full scale as a file of integers would be."""
    louder: Samples = np.clip(samples * np.float32(10 ** (gain_db / 20)), -1, 1)
    return louder


def noisy(samples: Samples, ratio_db: float, generator: np.random.Generator) -> Samples:
    """White noise at a signal-to-noise ratio."""
    noise = generator.normal(0, 10 ** (-ratio_db / 20), len(samples))
    mixed: Samples = (samples + noise * np.sqrt(np.mean(samples**2))).astype(np.float32)
    return mixed


def low_passed(samples: Samples, sample_rate_hz: int, highest_hz: float) -> Samples:
    """Nothing above a frequency."""
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / sample_rate_hz) > highest_hz] = 0
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


def cut(
    samples: Samples, sample_rate_hz: int, seconds: float, position: float = 0.5
) -> tuple[Samples, float]:
    """Return an excerpt, and where it begins in seconds.

    Parameters
    ----------
    position : float
        0 takes the beginning, 1 the end; audio shorter than the excerpt is left whole.
    """
    length = min(round(seconds * sample_rate_hz), len(samples))
    begin = round(position * (len(samples) - length))
    return samples[begin : begin + length], begin / sample_rate_hz


def played(samples: Samples, speed: float) -> Samples:
    """As from a record that turns too fast: pitch and tempo together."""
    # Any rate will do: only the ratio of the two counts.
    faster: Samples = soxr.resample(samples, 44100 * speed, 44100)
    return faster
