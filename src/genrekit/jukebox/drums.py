"""Drums, cymbals, hand percussion, and the noises around a voice or a record."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from genrekit.jukebox.filters import Samples, high_pass, low_pass, resonance, shaped_noise
from genrekit.jukebox.instruments import loudness

Drum = Callable[[np.random.Generator, int], Samples]


def _times(seconds: float, rate_hz: int) -> Samples:
    return np.arange(max(1, int(seconds * rate_hz)), dtype=np.float32) / np.float32(rate_hz)


def _body(t: Samples, low_hz: float, high_hz: float, drop: float, decay: float) -> Samples:
    """Return a skin: a sine that falls from ``high_hz`` to ``low_hz``."""
    phase = low_hz * t - (high_hz - low_hz) / drop * (np.exp(-drop * t) - 1)
    skin: Samples = np.sin(2 * np.pi * phase) * np.exp(-decay * t)
    return skin


def _rattle(
    rng: np.random.Generator, t: Samples, rate_hz: int, low_hz: float, high_hz: float, decay: float
) -> Samples:
    low_hz = min(low_hz, 0.35 * rate_hz)
    noise = shaped_noise(
        rng, len(t), rate_hz, lambda f: high_pass(f, low_hz) * low_pass(f, high_hz)
    )
    rattle: Samples = noise * np.exp(-decay * t)
    return rattle


def _kick(
    rng: np.random.Generator,
    rate_hz: int,
    *,
    low_hz: float,
    decay: float,
    click: float,
    seconds: float = 0.4,
) -> Samples:
    t = _times(seconds, rate_hz)
    tuned = low_hz * rng.uniform(0.97, 1.03)
    knock = _rattle(rng, t, rate_hz, 1500, 6000, 180)
    kick: Samples = _body(t, tuned, tuned * 4, 45, decay) + click * knock
    return kick


def _snare(
    rng: np.random.Generator, rate_hz: int, *, skin_hz: float, decay: float, wires: float
) -> Samples:
    t = _times(0.35, rate_hz)
    tuned = skin_hz * rng.uniform(0.97, 1.03)
    skin = _body(t, tuned, tuned * 1.5, 60, 22) + 0.5 * _body(t, tuned * 1.6, tuned * 2, 60, 30)
    snare: Samples = skin + wires * _rattle(rng, t, rate_hz, 900, 8000, decay)
    return snare


def _cymbal(
    rng: np.random.Generator,
    rate_hz: int,
    *,
    low_hz: float,
    decay: float,
    seconds: float,
    ping: float = 0.0,
) -> Samples:
    t = _times(seconds, rate_hz)
    shimmer = _rattle(rng, t, rate_hz, low_hz, 14000, decay)
    # Inharmonic partials of a metal plate, as in the classic analogue drum machines.
    for partial_hz in (2050, 2910, 3690, 5220, 5400, 8000):
        if partial_hz < 0.45 * rate_hz:
            wobble = partial_hz * rng.uniform(0.99, 1.01)
            ring = np.sin(2 * np.pi * wobble * t) * np.exp(-decay * 0.8 * t)
            shimmer += (0.12 + ping * (partial_hz < 4000)) * ring
    return shimmer


def _clap(rng: np.random.Generator, rate_hz: int) -> Samples:
    t = _times(0.25, rate_hz)
    envelope = 0.6 * np.exp(-18 * t)
    for delay in (0.0, 0.011, 0.022):
        envelope += np.where(t >= delay, np.exp(-150 * np.maximum(t - delay, 0)), 0)
    noise = shaped_noise(rng, len(t), rate_hz, lambda f: resonance(f, 1400, 1500))
    return (noise * envelope).astype(np.float32)


def _rim(rng: np.random.Generator, rate_hz: int) -> Samples:
    t = _times(0.12, rate_hz)
    wood = _body(t, 1700, 1750, 60, 70) + 0.6 * _body(t, 480, 500, 60, 60)
    rim: Samples = wood + 0.5 * _rattle(rng, t, rate_hz, 2000, 8000, 150)
    return rim


def _burst(
    rng: np.random.Generator,
    rate_hz: int,
    *,
    low_hz: float,
    high_hz: float,
    seconds: float,
    decay: float = 0.0,
) -> Samples:
    """Return a puff of noise: shakers, brushes, consonants."""
    t = _times(seconds, rate_hz)
    puff = _rattle(rng, t, rate_hz, low_hz, high_hz, decay)
    window: Samples = np.sin(np.pi * np.minimum(t / seconds, 1)).astype(np.float32)
    return puff * window if decay == 0 else puff


def _bell(rng: np.random.Generator, rate_hz: int) -> Samples:
    t = _times(0.3, rate_hz)
    return _body(t, 560, 562, 50, 14) + 0.8 * _body(t, 845, 848, 50, 18)


DRUMS: dict[str, Drum] = {
    "kick": partial(_kick, low_hz=55, decay=11, click=0.4),
    "soft kick": partial(_kick, low_hz=62, decay=14, click=0.1),
    "disco kick": partial(_kick, low_hz=58, decay=13, click=0.5),
    "hard kick": partial(_kick, low_hz=62, decay=20, click=1.3, seconds=0.25),
    "deep kick": partial(_kick, low_hz=43, decay=4.5, click=0.3, seconds=0.9),
    "snare": partial(_snare, skin_hz=185, decay=16, wires=0.8),
    "tight snare": partial(_snare, skin_hz=220, decay=24, wires=0.9),
    "fat snare": partial(_snare, skin_hz=165, decay=12, wires=1.0),
    "dry snare": partial(_snare, skin_hz=200, decay=30, wires=0.7),
    "brush": partial(_burst, low_hz=1500, high_hz=7000, seconds=0.16),
    "train snare": partial(_snare, skin_hz=210, decay=35, wires=1.2),
    "closed hat": partial(_cymbal, low_hz=6500, decay=55, seconds=0.1),
    "open hat": partial(_cymbal, low_hz=6000, decay=9, seconds=0.35),
    "ride": partial(_cymbal, low_hz=4500, decay=4.5, seconds=0.8, ping=0.15),
    "crash": partial(_cymbal, low_hz=2500, decay=2.2, seconds=1.8),
    "clap": _clap,
    "rim": _rim,
    "cowbell": _bell,
    "low tom": partial(_kick, low_hz=85, decay=9, click=0.2),
    "high tom": partial(_kick, low_hz=140, decay=10, click=0.2),
    "conga": partial(_kick, low_hz=230, decay=18, click=0.15, seconds=0.25),
    "shaker": partial(_burst, low_hz=5000, high_hz=12000, seconds=0.07),
    "tambourine": partial(_cymbal, low_hz=7000, decay=22, seconds=0.2),
    "stomp": partial(_kick, low_hz=75, decay=22, click=0.25, seconds=0.25),
    "sibilant": partial(_burst, low_hz=4500, high_hz=9500, seconds=0.09),
    "plosive": partial(_burst, low_hz=700, high_hz=5000, seconds=0.03, decay=90),
    "crackle": partial(_burst, low_hz=1500, high_hz=9000, seconds=0.004, decay=900),
}


def hit(name: str, rate_hz: int, seed: int) -> Samples:
    """One hit, at an RMS of 1 where it is loudest."""
    samples = DRUMS[name](np.random.default_rng([seed]), rate_hz)
    return (samples / loudness(samples, rate_hz)).astype(np.float32)
