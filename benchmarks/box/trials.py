"""What the finished bundle makes of sounds outside training: noises, synthetic music, time."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from sounds import embed_samples

from genrekit.audio import AUDIO_SUFFIXES, Waveform, decode
from genrekit.bundles import load_bundle
from genrekit.datasets import load_dataset
from genrekit.evaluation.distortions import encoded
from genrekit.inference import Classifier
from genrekit.jukebox import JUKEBOX_GENRES, synthesise
from genrekit.jukebox.nonmusic import NONMUSIC_KINDS, synthesise_nonmusic
from genrekit.progress import Progress
from genrekit.schema import UNKNOWN

_TAUGHT_SEEDS, _FRESH_SEED, _EACH, _TIMED = 15, 5000, 5, 15
_LONG_SECONDS = 240
_SECONDS = (9.0, 4.0, 6.0, 1.5, 3.0)


def nonmusic_windows(encoder: Path, folder: Path | None, progress: Progress) -> np.ndarray:
    """Embeddings of sounds that are not music, (n, columns), to train the detector.

    Parameters
    ----------
    folder : Path, optional
        Of such sounds; others are synthesised.
    """
    bundle = load_bundle(encoder)
    rate = bundle.manifest.sample_rate_hz
    files = [] if folder is None else sorted(folder.iterdir())
    sounds = [decode(one, sample_rate_hz=rate).samples for one in files]
    for seed in range(_TAUGHT_SEEDS):
        seconds = _SECONDS[seed % len(_SECONDS)]
        for kind in NONMUSIC_KINDS:
            made = synthesise_nonmusic(kind, seconds=seconds, seed=seed, sample_rate_hz=rate)
            sounds.append(made.samples)
    rows = []
    for number, samples in enumerate(sounds):
        rows.append(embed_samples(bundle, samples))
        progress("sounds that are not music", number + 1, len(sounds))
    return np.concatenate(rows).astype(np.float64)


def recorded_answers(bundle: Path, recorded: Path | None) -> dict[str, tuple[int, int]]:
    """Sounds that are called unknown, of all: by kind, and last the jukebox, which is music."""
    classifier = Classifier.load(bundle)
    found = {}
    for kind in NONMUSIC_KINDS:
        made = [synthesise_nonmusic(kind, seed=_FRESH_SEED + n) for n in range(_EACH)]
        found[f"synthesised {kind}"] = _unknown(classifier, made)
    if recorded is not None:
        files = sorted(one for one in recorded.iterdir() if one.suffix.lower() in AUDIO_SUFFIXES)
        sounds = [decode(one, sample_rate_hz=classifier.sample_rate_hz) for one in files]
        minimum = classifier.bundle.manifest.windows.minimum_seconds
        found["recorded speech and signals"] = _unknown(
            classifier, [one for one in sounds if one.seconds >= minimum]
        )
    music = [synthesise(genre, seed=_FRESH_SEED) for genre in JUKEBOX_GENRES]
    found["music by the jukebox"] = _unknown(classifier, music)
    return found


def _unknown(classifier: Classifier, sounds: list[Waveform]) -> tuple[int, int]:
    rate = classifier.sample_rate_hz
    at_rate = [one if one.sample_rate_hz == rate else _resampled(one, rate) for one in sounds]
    hits = sum(classifier.predict(one).genre == UNKNOWN for one in at_rate)
    return hits, len(sounds)


def _resampled(one: Waveform, rate_hz: int) -> Waveform:
    import soxr

    samples = np.asarray(soxr.resample(one.samples, one.sample_rate_hz, rate_hz), np.float32)
    return Waveform(samples, rate_hz)


def demo_answers(bundle: Path) -> dict[str, str]:
    """Genre of each track of ``genrekit demo`` to the answer; none of them taught a label."""
    classifier = Classifier.load(bundle)
    with tempfile.TemporaryDirectory() as folder:
        songs = load_dataset("jukebox", Path(folder), clips_per_genre=1, seconds=30.0)
        return {
            one.labels[0]: str(classifier.predict_file(one.path).genre)
            for one in songs.items
            if one.path is not None
        }


def time_prediction(bundle: Path, before: Path | None) -> dict[str, float]:
    """Milliseconds of 30 s, the size, and processor time of a long mp3 beside the bundle before."""
    classifier = Classifier.load(bundle)
    clip = synthesise("rock", seed=_FRESH_SEED, sample_rate_hz=classifier.sample_rate_hz)
    timings = [classifier.predict(clip).timings_ms for _ in range(_TIMED)]
    found = {
        "frontend_ms": statistics.median(one.frontend for one in timings if one),
        "model_ms": statistics.median(one.model for one in timings if one),
        "megabytes": sum(file.stat().st_size for file in bundle.iterdir()) / 1e6,
    }
    return found if before is None else found | _side_by_side(classifier, Classifier.load(before))


def _side_by_side(one: Classifier, before: Classifier) -> dict[str, float]:
    """Processor seconds of the middle 30 s of four minutes of mp3, in turns."""
    seconds: dict[str, list[float]] = {"long_seconds": [], "long_seconds_before": []}
    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / "song.mp3"
        long = synthesise("rock", seed=_FRESH_SEED, seconds=_LONG_SECONDS, sample_rate_hz=44100)
        song.write_bytes(
            encoded(
                long.samples,
                long.sample_rate_hz,
                codec="libmp3lame",
                container="mp3",
                bits_per_second=192_000,
                codec_rate_hz=44100,
                stereo=True,
            )
        )
        for _ in range(_TIMED):
            for name, classifier in zip(seconds, (one, before), strict=True):
                start = time.process_time()
                classifier.predict_file(song)
                seconds[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}
