"""From score to sound: each different note is rendered once and laid in wherever it is played."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft

from genrekit.jukebox.drums import DRUMS, hit
from genrekit.jukebox.filters import (
    Samples,
    apply_curve,
    frequencies,
    high_pass,
    low_pass,
    resonance,
)
from genrekit.jukebox.instruments import INSTRUMENTS, sound
from genrekit.jukebox.score import Note, Part, Score
from genrekit.jukebox.tone import Stroke

# A note is rendered at the next of these lengths and cut, so that few have to be made.
_LENGTHS_SECONDS = (0.12, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_HARD_FROM = 0.85
_DRUM_VARIANTS = 3
_DRUM_RELEASE_SECONDS = 0.01

Notebook = dict[tuple[object, ...], Samples]


def perform(score: Score, seconds: float, rate_hz: int, seed: int) -> Samples:
    """Play all parts of ``score`` in one room; returns ``seconds`` of the mix, before mastering."""
    count = max(1, round(seconds * rate_hz))
    mix = np.zeros(count, np.float32)
    send = np.zeros(count, np.float32)
    for line, notes in score.lines.items():
        part = score.parts[line]
        bus = _play(part, notes, count, rate_hz, seed)
        if part.drive:
            bus = _amplifier(bus, part.drive, rate_hz)
        bus *= np.float32(10 ** (part.level_db / 20))
        mix += bus
        send += np.float32(part.room) * bus
    return mix + _room(send, score.master.room_seconds, rate_hz)


def _play(part: Part, notes: list[Note], count: int, rate_hz: int, seed: int) -> Samples:
    bus = np.zeros(count, np.float32)
    rendered: Notebook = {}
    for number, note in enumerate(notes):
        start = int(note.start_seconds * rate_hz)
        if start >= count:
            continue
        if part.sound in DRUMS:
            samples = _drum(part.sound, number, rate_hz, seed, rendered)
        else:
            samples = _pitched(part.sound, note, rate_hz, seed, rendered)
        end = min(count, start + len(samples))
        bus[start:end] += np.float32(note.velocity) * samples[: end - start]
    return bus


def _drum(name: str, number: int, rate_hz: int, seed: int, rendered: Notebook) -> Samples:
    variant = (number * 7 + number // 5) % _DRUM_VARIANTS
    if (variant,) not in rendered:
        samples = hit(name, rate_hz, seed + variant)
        rendered[(variant,)] = _released(samples, len(samples), _DRUM_RELEASE_SECONDS, rate_hz)
    return rendered[(variant,)]


def _pitched(name: str, note: Note, rate_hz: int, seed: int, rendered: Notebook) -> Samples:
    release = INSTRUMENTS[name].release_seconds
    wanted = min(note.seconds + release, _LENGTHS_SECONDS[-1])
    length = next(length for length in _LENGTHS_SECONDS if length >= wanted)
    stroke = Stroke(440 * 2 ** ((note.pitch - 69) / 12), note.velocity >= _HARD_FROM, note.colour)
    key = (stroke, note.bend_semitones, length)
    if key not in rendered:
        rendered[key] = sound(name, stroke, note.bend_semitones, length, rate_hz, seed)
    return _released(rendered[key], round(wanted * rate_hz), release, rate_hz)


def _released(samples: Samples, count: int, release_seconds: float, rate_hz: int) -> Samples:
    cut = samples[:count].copy()
    fade = min(len(cut), max(1, round(release_seconds * rate_hz)))
    ramp = np.arange(fade, 0, -1, dtype=np.float32) / fade
    cut[-fade:] *= ramp * ramp
    return cut


def _amplifier(bus: Samples, drive: float, rate_hz: int) -> Samples:
    """Overdrive into a guitar cabinet; notes of a chord modulate each other as they should."""
    squeezed = np.tanh(np.float32(drive) * bus + np.float32(0.1)) - np.float32(np.tanh(0.1))
    return apply_curve(
        squeezed,
        rate_hz,
        lambda f: (
            high_pass(f, 80)
            * low_pass(f, 5200, 3)
            * (0.6 + 0.5 * resonance(f, 120, 120) + 0.8 * resonance(f, 2600, 2600))
        ),
    )


def _room(send: Samples, room_seconds: float, rate_hz: int) -> Samples:
    """Convolve with a decaying noise, darker the later it comes."""
    response = _impulse_response(room_seconds, rate_hz)
    size = scipy.fft.next_fast_len(len(send) + len(response), real=True)
    spectrum = scipy.fft.rfft(send, size)
    spectrum *= scipy.fft.rfft(response, size)
    wet: Samples = scipy.fft.irfft(spectrum, size)[: len(send)]
    return wet


@lru_cache(maxsize=16)
def _impulse_response(room_seconds: float, rate_hz: int) -> Samples:
    count = max(2, round(room_seconds * rate_hz))
    t = np.arange(count, dtype=np.float32) / rate_hz
    rng = np.random.default_rng(60)
    bright = rng.standard_normal(count, dtype=np.float32)
    dark = rng.standard_normal(count, dtype=np.float32)
    size = scipy.fft.next_fast_len(count, real=True)
    curve = low_pass(frequencies(size, rate_hz), 1800, 1)
    dark = scipy.fft.irfft(scipy.fft.rfft(dark, size) * curve, size)[:count]
    # 6.9 nepers are 60 dB, the usual measure of a reverberation time.
    tail = 0.5 * bright * np.exp(-14 * t / room_seconds) + dark * np.exp(-6.9 * t / room_seconds)
    tail[: round(0.012 * rate_hz)] *= 0.1
    response: Samples = (tail / np.sqrt(np.sum(tail * tail))).astype(np.float32)
    response.flags.writeable = False
    return response
