"""Changes to samples that leave the genre true: pitch, tempo, loudness, noise, and filters.

They happen before any front-end, so what a model learns from is the spectrogram of changed music,
not a changed spectrogram. Every change is drawn once for a copy and then kept: the same settings,
seed and copy give the same samples.

Pitch and tempo are changed by a phase vocoder whose bins are locked to the peaks that they belong
to: J. Laroche and M. Dolson, "Improved phase vocoder time-scale modification of audio", IEEE
Transactions on Speech and Audio Processing 7(3), 1999. Filters work on the spectrum of the whole
clip and shift no phase.
"""

from __future__ import annotations

import hashlib

import numpy as np
import scipy.fft
import soxr
from numpy.typing import NDArray

from genrekit.features import forward_stft, inverse_stft
from genrekit.schema import Contract
from genrekit.training.settings import Filter, WaveformAugment

Floats = NDArray[np.float32]

#: Raised whenever the code gives other samples for the same change; part of every cache key.
CODE_VERSION = 1

_FRAME_SAMPLES = 2048
_HOP_SAMPLES = 512
_SLOPE_ORDER = 4  # of a Butterworth response: 24 dB an octave
_NOISE_RANGE_DB = 20.0
_SHELF_DB = 12.0
# Where edges are drawn from: what they leave is still music.
_LOW_EDGE_HZ = (80.0, 600.0)
_HIGH_EDGE_HZ = (2500.0, 8000.0)
_SHELF_HZ = (200.0, 4000.0)


class WaveformChange(Contract):
    """What is done to one copy, in this order.

    Parameters
    ----------
    speed : float
        Above 1 is faster.
    semitones : float
    filter : str, optional
        With the edges that it needs, and for shelves the gain.
    snr_db : float, optional
        Level of the music above that of white noise.
    gain_db : float
    noise_seed : int
    """

    speed: float = 1.0
    semitones: float = 0.0
    filter: Filter | None = None
    low_hz: float = 0.0
    high_hz: float = 0.0
    shelf_db: float = 0.0
    snr_db: float | None = None
    gain_db: float = 0.0
    noise_seed: int = 0


def draw_change(config: WaveformAugment, copy_id: str, seed: int) -> WaveformChange:
    """Return the change of a copy: each has its own, and always the same."""
    digest = hashlib.sha256(f"{seed}/{copy_id}".encode()).digest()
    generator = np.random.default_rng(list(digest))
    drawn = generator.uniform(-1, 1, 4)
    filters = config.filters
    shelf_hz = _log_uniform(generator, _SHELF_HZ)
    kind = filters[int(generator.integers(len(filters)))] if filters else None
    shelf = kind in ("low-shelf", "high-shelf")
    low_hz, high_hz = (_log_uniform(generator, edge) for edge in (_LOW_EDGE_HZ, _HIGH_EDGE_HZ))
    noise = generator.uniform(0, _NOISE_RANGE_DB)
    return WaveformChange(
        speed=float((1 + config.stretch) ** drawn[0]),
        semitones=float(config.pitch_semitones * drawn[1]),
        gain_db=float(config.gain_db * drawn[2]),
        filter=kind,
        low_hz=shelf_hz if shelf else low_hz,
        high_hz=shelf_hz if shelf else high_hz,
        shelf_db=float(_SHELF_DB * drawn[3]) if shelf else 0.0,
        snr_db=None if config.noise_snr_db is None else float(config.noise_snr_db + noise),
        noise_seed=int(generator.integers(2**32)),
    )


def changed(samples: Floats, change: WaveformChange, sample_rate_hz: int) -> Floats:
    """Change ``samples`` (n,); never longer than before, shorter where it is faster."""
    result = samples
    if change.speed != 1:
        result = time_stretch(result, change.speed)[: len(samples)]
    if change.semitones:
        result = pitch_shift(result, change.semitones)
    if change.filter is not None:
        result = frequency_filter(
            result,
            change.filter,
            sample_rate_hz,
            low_hz=change.low_hz,
            high_hz=change.high_hz,
            shelf_db=change.shelf_db,
        )
    if change.snr_db is not None:
        result = add_noise(result, change.snr_db, np.random.default_rng(change.noise_seed))
    return gain(result, change.gain_db) if change.gain_db else result


def time_stretch(samples: Floats, speed: float) -> Floats:
    """Faster or slower at the same pitch.

    Parameters
    ----------
    samples : (n,) float32
    speed : float
        2 takes half of the time, 0.5 twice as long.

    Returns
    -------
    (round(n / speed),) float32
    """
    half = _FRAME_SAMPLES // 2
    target = round(len(samples) / speed)
    # Frames are placed by their middle: with half a frame before it, the start stays the start.
    spectrum = forward_stft(
        np.pad(samples, (half, 2 * _FRAME_SAMPLES)), _FRAME_SAMPLES, _HOP_SAMPLES
    )
    places = np.arange(0, len(spectrum) - 1, speed)
    added, weights = inverse_stft(_vocoded(spectrum, places), _FRAME_SAMPLES, _HOP_SAMPLES)
    stretched = np.asarray(added / np.maximum(weights, np.float32(1e-3)), np.float32)
    return _of_length(stretched[half:], target)


def pitch_shift(samples: Floats, semitones: float) -> Floats:
    """Higher or lower in the same time; (n,) to (n,) float32."""
    ratio = 2 ** (semitones / 12)
    longer = time_stretch(samples, 1 / ratio)
    return _of_length(np.asarray(soxr.resample(longer, ratio, 1.0), np.float32), len(samples))


def gain(samples: Floats, gain_db: float) -> Floats:
    """Louder or quieter; what passes full scale is kept as it is."""
    return samples * np.float32(10 ** (gain_db / 20))


def add_noise(samples: Floats, snr_db: float, generator: np.random.Generator) -> Floats:
    """Add white noise whose power is exactly ``snr_db`` below that of ``samples``."""
    noise = generator.standard_normal(len(samples)).astype(np.float32)
    power, noise_power = (float(np.mean(x**2, dtype=np.float64)) for x in (samples, noise))
    scale = np.sqrt(power / max(noise_power, 1e-30) / 10 ** (snr_db / 10))
    return samples + noise * np.float32(scale)


def frequency_filter(
    samples: Floats,
    kind: Filter,
    sample_rate_hz: int,
    *,
    low_hz: float = 0.0,
    high_hz: float = 0.0,
    shelf_db: float = 0.0,
) -> Floats:
    """Take frequencies away, or lift and lower them.

    Parameters
    ----------
    samples : (n,) float32
    kind : {"low-pass", "high-pass", "band-pass", "low-shelf", "high-shelf"}
        A pass is 3 dB down at its edge and falls by 24 dB an octave from there; a shelf is half of
        ``shelf_db`` at its edge.
    low_hz : float
        Edge of ``high-pass``, lower one of ``band-pass``, edge of ``low-shelf``.
    high_hz : float
        Edge of ``low-pass``, upper one of ``band-pass``, edge of ``high-shelf``.
    """
    # Room behind the clip, so that what rings at its end does not come back at its start.
    size = scipy.fft.next_fast_len(len(samples) + _FRAME_SAMPLES, real=True)
    hertz = scipy.fft.rfftfreq(size, 1 / sample_rate_hz)
    response = _response(hertz, kind, low_hz, high_hz, shelf_db).astype(np.float32)
    filtered = scipy.fft.irfft(scipy.fft.rfft(samples, size) * response, size)
    return np.asarray(filtered[: len(samples)], np.float32)


def _response(
    hertz: NDArray[np.float64], kind: Filter, low_hz: float, high_hz: float, shelf_db: float
) -> NDArray[np.float64]:
    """Gain at each frequency."""
    above_low = _share_above(hertz, low_hz)
    above_high = _share_above(hertz, high_hz)
    if kind == "low-pass":
        return np.sqrt(1 - above_high)
    if kind == "high-pass":
        return np.sqrt(above_low)
    if kind == "band-pass":
        return np.sqrt(above_low * (1 - above_high))
    lifted = 1 - above_low if kind == "low-shelf" else above_high
    return np.asarray(10 ** (shelf_db * lifted / 20))


def _share_above(hertz: NDArray[np.float64], edge_hz: float) -> NDArray[np.float64]:
    """Power that a Butterworth high-pass with this edge lets through."""
    powers = (hertz / max(edge_hz, 1e-9)) ** (2 * _SLOPE_ORDER)
    return np.asarray(powers / (1 + powers))


def _vocoded(spectrum: NDArray[np.complex64], places: NDArray[np.float64]) -> NDArray[np.complex64]:
    """Frames between frames: magnitudes are blended, phases go on at each peak's own speed."""
    before = places.astype(np.intp)
    share = (places - before).astype(np.float32)[:, None]
    size = np.abs(spectrum)
    magnitude = (1 - share) * size[before] + share * size[before + 1]
    seen = np.angle(spectrum).astype(np.float64)
    expected = 2 * np.pi * _HOP_SAMPLES * np.arange(spectrum.shape[1]) / _FRAME_SAMPLES
    advance = seen[before + 1] - seen[before] - expected
    advance += expected - 2 * np.pi * np.rint(advance / (2 * np.pi))
    phases = np.empty_like(advance)
    phases[0] = seen[0]
    for frame in range(1, len(phases)):
        own = phases[frame - 1] + advance[frame - 1]
        peak = _peak_of_bins(magnitude[frame])
        # Bins around a peak belong to one partial: they keep the phases that they have to it.
        now = seen[before[frame]]
        phases[frame] = own[peak] + now - now[peak]
    return np.asarray(magnitude * np.exp(1j * phases), np.complex64)


def _peak_of_bins(magnitude: NDArray[np.float32]) -> NDArray[np.intp]:
    """For each bin the nearest local maximum."""
    edged = np.pad(magnitude, 1, constant_values=-1)
    higher = (magnitude > edged[:-2]) & (magnitude >= edged[2:])
    peaks = np.flatnonzero(higher)
    if not len(peaks):  # silence
        return np.arange(len(magnitude))
    borders = (peaks[1:] + peaks[:-1]) / 2
    return np.asarray(peaks[np.searchsorted(borders, np.arange(len(magnitude)))])


def _of_length(samples: Floats, length: int) -> Floats:
    """Cut, or filled up with zeros."""
    return np.pad(samples[:length], (0, max(0, length - len(samples))))


def _log_uniform(generator: np.random.Generator, between: tuple[float, float]) -> float:
    return float(np.exp(generator.uniform(*np.log(between))))
