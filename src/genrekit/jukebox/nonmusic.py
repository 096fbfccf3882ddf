"""Sound that is not music, synthesised: what a classifier of music should call unknown.

Speech is a source and a filter (Fant, "Acoustic Theory of Speech Production", 1960): pulses of a
voice, or noise, through three resonances that change with every syllable. Nothing here is meant to
be understood, only to have the spectrum and the rhythm of the real thing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from genrekit.audio import Waveform

Floats = NDArray[np.floating]

#: First three resonances, in hertz, of the vowels in "beet", "bat", "father", "boot" and "bird"
#: (Peterson and Barney, 1952; means of men).
_VOWELS_HZ = ((270, 2290, 3010), (660, 1720, 2410), (730, 1090, 2440), (300, 870, 2240),
              (490, 1350, 1690))  # fmt: skip
_PEAK = 0.5


def synthesise_nonmusic(
    kind: str, *, seconds: float = 30.0, seed: int = 0, sample_rate_hz: int = 22050
) -> Waveform:
    """Make sound that is not music.

    Parameters
    ----------
    kind : str
        One of `NONMUSIC_KINDS`.
    seed : int
        Equal seeds give equal samples; another seed, another voice, tone or crowd.

    Raises
    ------
    ValueError
        If there is no such kind.
    """
    if kind not in _KINDS:
        raise ValueError(f"no non-music is called {kind!r}; there are {', '.join(NONMUSIC_KINDS)}")
    generator = np.random.default_rng([seed, sum(kind.encode())])
    samples = _KINDS[kind](round(seconds * sample_rate_hz), sample_rate_hz, generator)
    peak = np.abs(samples).max() or 1.0
    level = _PEAK * 10 ** (-generator.uniform(0, 12) / 20)
    return Waveform((samples * (level / peak)).astype(np.float32), sample_rate_hz)


def _shaped(noise: Floats, rate: int, gain: Callable[[Floats], Floats]) -> Floats:
    spectrum = np.fft.rfft(noise)
    shaped: Floats = np.fft.irfft(
        spectrum * gain(np.fft.rfftfreq(len(noise), 1 / rate)), len(noise)
    )
    return shaped


def _noise(n: int, rate: int, generator: np.random.Generator) -> Floats:
    """White to brown: power falls by up to 6 dB an octave."""
    slope = generator.uniform(0, 1)
    return _shaped(generator.standard_normal(n), rate, lambda hz: np.maximum(hz, 20.0) ** -slope)


def _band_noise(n: int, rate: int, generator: np.random.Generator) -> Floats:
    centre_hz = 10 ** generator.uniform(2, np.log10(rate / 4))
    width = generator.uniform(0.05, 0.8)
    return _shaped(
        generator.standard_normal(n),
        rate,
        lambda hz: np.exp(-(((hz - centre_hz) / (width * centre_hz)) ** 2)),
    )


def _wind(n: int, rate: int, generator: np.random.Generator) -> Floats:
    gusts = _shaped(generator.standard_normal(n), rate, lambda hz: np.exp(-hz / 0.3))
    howl = _shaped(generator.standard_normal(n), rate, lambda hz: 1 / (1 + (hz / 300) ** 2))
    blowing: Floats = howl * (1 + 0.8 * gusts / np.abs(gusts).max())
    return blowing


def _tone(n: int, rate: int, generator: np.random.Generator) -> Floats:
    """One steady tone, or two at once as a telephone gives, with a few overtones."""
    seconds = np.arange(n) / rate
    found = np.zeros(n)
    for _ in range(int(generator.integers(1, 3))):
        hz = 10 ** generator.uniform(1.8, 3.6)
        for overtone in range(1, int(generator.integers(2, 8))):
            if hz * overtone < rate / 2:
                found += np.sin(2 * np.pi * hz * overtone * seconds) / overtone**2
    return found


def _beeps(n: int, rate: int, generator: np.random.Generator) -> Floats:
    """Return an alarm or a busy line: a tone that is switched on and off."""
    period = generator.uniform(0.2, 2.0)
    on = (np.arange(n) / rate) % period < period * generator.uniform(0.2, 0.7)
    return _tone(n, rate, generator) * on


def _sweep(n: int, rate: int, generator: np.random.Generator) -> Floats:
    low, high = np.sort(10 ** generator.uniform(1.8, np.log10(rate / 2.2), 2))
    period = generator.uniform(1, 30)
    phase = (np.arange(n) / rate / period) % 1
    swept: Floats = np.sin(2 * np.pi * np.cumsum(low * (high / low) ** phase) / rate)
    return swept


def _hum(n: int, rate: int, generator: np.random.Generator) -> Floats:
    seconds = np.arange(n) / rate
    mains = generator.choice([50.0, 60.0])
    strengths = generator.uniform(0, 1, 12) / np.arange(1, 13)
    waves = [s * np.sin(2 * np.pi * mains * (k + 1) * seconds) for k, s in enumerate(strengths)]
    hiss: Floats = generator.uniform(0, 0.05) * generator.standard_normal(n)
    return np.asarray(np.sum(waves, axis=0) + hiss)


def _clicks(n: int, rate: int, generator: np.random.Generator) -> Floats:
    """Return a ticking clock, a Geiger counter, crackle."""
    found = np.zeros(n)
    if generator.random() < 0.5:
        found[:: max(1, int(rate * generator.uniform(0.2, 1.5)))] = 1.0
    else:
        found[generator.random(n) < generator.uniform(1, 60) / rate] = 1.0
    decay = np.exp(-np.arange(rate // 50) / (rate * generator.uniform(0.0005, 0.004)))
    body = decay * generator.standard_normal(len(decay))
    return np.convolve(found, body)[:n] + 1e-4 * generator.standard_normal(n)


def _applause(n: int, rate: int, generator: np.random.Generator) -> Floats:
    """Many hands, each clapping at its own pace; every clap a burst around its own pitch."""
    found = np.zeros(n)
    length = rate // 40
    for _ in range(int(generator.integers(15, 120))):
        hz, pace = generator.uniform(600, 2500), generator.uniform(2.5, 5.0)
        envelope = np.exp(-np.arange(length) / (rate * generator.uniform(0.002, 0.006)))
        wave = np.sin(2 * np.pi * hz * np.arange(length) / rate)
        clap = envelope * (wave + generator.standard_normal(length))
        times = np.cumsum(generator.normal(1 / pace, 0.03, int(n / rate * pace) + 1))
        for start in (times * rate).astype(int):
            if 0 <= start < n - length:
                found[start : start + length] += clap * generator.uniform(0.5, 1)
    room: Floats = 0.02 * np.abs(found).max() * generator.standard_normal(n)
    return found + room


def _speech(n: int, rate: int, generator: np.random.Generator) -> Floats:
    """One voice: syllables, breaths and pauses."""
    voice_hz = generator.uniform(85, 250)
    tract = generator.uniform(0.95, 1.25)
    parts: list[Floats] = []
    total = 0
    while total < n:
        length = int(rate * generator.uniform(0.09, 0.3))
        if generator.random() < 0.12:
            part: Floats = 1e-3 * generator.standard_normal(int(rate * generator.uniform(0.2, 0.9)))
        else:
            part = _syllable(length, rate, voice_hz * generator.uniform(0.8, 1.3), tract, generator)
        parts.append(part)
        total += len(part)
    return np.concatenate(parts)[:n] + 1e-3 * generator.standard_normal(n)


def _syllable(
    n: int, rate: int, voice_hz: float, tract: float, generator: np.random.Generator
) -> Floats:
    glide = np.linspace(1, generator.uniform(0.85, 1.15), n)
    phase = np.cumsum(voice_hz * glide * (1 + 0.01 * generator.standard_normal(n))) / rate
    pulses = np.diff(np.floor(phase), prepend=0.0)
    formants = tract * np.array(_VOWELS_HZ[int(generator.integers(len(_VOWELS_HZ)))])
    vowel = _shaped(pulses, rate, lambda hz: _resonances(hz, formants) / np.maximum(hz, 100) ** 0.5)
    hiss_hz = generator.uniform(2500, 6000)
    hiss = _shaped(
        generator.standard_normal(n), rate, lambda hz: np.exp(-(((hz - hiss_hz) / 1500) ** 2))
    )
    consonant = np.arange(n) < n * generator.uniform(0.05, 0.4)
    shape = np.sin(np.pi * np.linspace(0, 1, n)) ** 0.5
    loudness = generator.uniform(0.4, 1)
    voiced: Floats = loudness * shape * (vowel / (np.abs(vowel).max() + 1e-9)) * ~consonant
    unvoiced: Floats = 0.25 * shape * hiss / (np.abs(hiss).max() + 1e-9) * consonant
    return voiced + unvoiced


def _resonances(hz: Floats, formants_hz: Floats) -> Floats:
    response = np.zeros_like(hz)
    for number, formant in enumerate(formants_hz):
        response += 0.6**number / (1 + ((hz - formant) / (40 + 0.05 * formant)) ** 2)
    return response


def _babble(n: int, rate: int, generator: np.random.Generator) -> Floats:
    """Return a room full of people."""
    voices = [_speech(n, rate, generator) for _ in range(int(generator.integers(4, 9)))]
    return np.asarray(np.sum(voices, axis=0))


_KINDS: dict[str, Callable[[int, int, np.random.Generator], Floats]] = {
    "noise": _noise,
    "band-noise": _band_noise,
    "wind": _wind,
    "tone": _tone,
    "beeps": _beeps,
    "sweep": _sweep,
    "hum": _hum,
    "clicks": _clicks,
    "applause": _applause,
    "speech": _speech,
    "babble": _babble,
}
NONMUSIC_KINDS = tuple(_KINDS)
