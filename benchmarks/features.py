"""How fast the features are, against the librosa script of the tutorials, side by side.

Both sides compute the same numbers from the same clip on one thread, in turns, so that a machine
that is busy for a while slows both. Times are medians; what counts is the ratio. The first call is
timed in a fresh process and includes what a user waits for: imports and compilation.

    python benchmarks/features.py --output docs/results/speed.md
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

for _variable in (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
):
    os.environ[_variable] = "1"

SECONDS = 30.0
RATE_HZ = 22050


def tutorial_features(path: str) -> dict[str, float]:
    """The 57 numbers as the tutorials compute them: one librosa call for each."""
    import librosa
    import numpy as np

    y, rate = librosa.load(path, sr=RATE_HZ)
    harmony, percussion = librosa.effects.hpss(y)
    tempo, _ = librosa.beat.beat_track(y=y, sr=rate)
    series = {
        "chroma_stft": librosa.feature.chroma_stft(y=y, sr=rate),
        "rms": librosa.feature.rms(y=y),
        "spectral_centroid": librosa.feature.spectral_centroid(y=y, sr=rate),
        "spectral_bandwidth": librosa.feature.spectral_bandwidth(y=y, sr=rate),
        "rolloff": librosa.feature.spectral_rolloff(y=y, sr=rate),
        "zero_crossing_rate": librosa.feature.zero_crossing_rate(y),
        "harmony": harmony,
        "perceptr": percussion,
    }
    coefficients = librosa.feature.mfcc(y=y, sr=rate, n_mfcc=20)
    series |= {f"mfcc{number}": row for number, row in enumerate(coefficients, 1)}
    features = {"tempo": float(np.squeeze(tempo))}
    for name, values in series.items():
        features[f"{name}_mean"] = float(np.mean(values))
        features[f"{name}_var"] = float(np.var(values))
    return features


def own_features(path: str) -> dict[str, float]:
    """The same 57 numbers from genrekit."""
    from genrekit.audio import decode
    from genrekit.features import build_frontend
    from genrekit.schema import Gtzan57Config

    frontend = build_frontend(Gtzan57Config())
    samples = decode(path, sample_rate_hz=RATE_HZ).samples
    return dict(zip(frontend.feature_names, frontend(samples).tolist(), strict=True))


def tutorial_mel(path: str) -> object:
    """A log-mel spectrogram with librosa, without the decoding."""
    import librosa

    y = _samples(path)
    power = librosa.feature.melspectrogram(y=y, sr=RATE_HZ, n_mels=128, center=False)
    return librosa.power_to_db(power, top_db=None)


def own_mel(path: str) -> object:
    """The same from genrekit."""
    from genrekit.features import build_frontend
    from genrekit.schema import MelConfig

    return build_frontend(MelConfig())(_samples(path))


def own_prediction(path: str) -> object:
    """Middle 30 seconds of a 4-minute mp3 to a genre, with a loaded model."""
    return _classifier().predict_file(path)


_memory: dict[str, Any] = {}


def _samples(path: str) -> Any:
    if path not in _memory:
        from genrekit.audio import decode

        _memory[path] = decode(path, sample_rate_hz=RATE_HZ).samples
    return _memory[path]


def _classifier() -> Any:
    if "classifier" not in _memory:
        from genrekit.inference import Classifier

        _memory["classifier"] = Classifier.load("default")
    return _memory["classifier"]


def in_turns(sides: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each side in each round, after one round that is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, run in sides.items():
            begin = time.perf_counter()
            run()
            if number:
                seconds[name].append(time.perf_counter() - begin)
    return seconds


def in_fresh_process(function: str, path: str, compiled: Path) -> None:
    """Run one of the functions above in a new interpreter, as a first call.

    librosa compiles some functions; ``compiled`` is where it keeps and finds them.
    """
    subprocess.run(
        [sys.executable, __file__, "--only", function, path],
        check=True,
        env={**os.environ, "NUMBA_CACHE_DIR": str(compiled)},
    )


def after_installation(function: str, path: str) -> None:
    """Run a function in a new interpreter that finds nothing compiled."""
    with tempfile.TemporaryDirectory() as empty:
        in_fresh_process(function, path, Path(empty))


def measure(rounds: int) -> list[dict[str, object]]:
    """All comparisons, as rows."""
    with tempfile.TemporaryDirectory() as folder:
        clip, song = _write_audio(Path(folder))
        warm = in_turns(
            {
                "tutorial": lambda: tutorial_features(clip),
                "own": lambda: own_features(clip),
                "predict": lambda: own_prediction(song),
            },
            rounds,
        )
        first = in_turns(
            {
                "tutorial": lambda: after_installation("tutorial_features", clip),
                "own": lambda: after_installation("own_features", clip),
            },
            2,
        )
        compiled = Path(folder) / "compiled"
        later = in_turns(
            {
                "tutorial": lambda: in_fresh_process("tutorial_features", clip, compiled),
                "own": lambda: in_fresh_process("own_features", clip, compiled),
            },
            3,
        )
        mel = in_turns(
            {"tutorial": lambda: tutorial_mel(clip), "own": lambda: own_mel(clip)}, 3 * rounds
        )
    return [
        _row("57 features of a 30-s clip, decoded from FLAC", warm["own"], warm["tutorial"]),
        _row("the same, first call after installation", first["own"], first["tutorial"]),
        _row("the same, in every later process", later["own"], later["tutorial"]),
        _row("log-mel spectrogram of 30 s", mel["own"], mel["tutorial"]),
        _row(
            "predict: 30 s from the middle of a 4-minute mp3, against the 57 features",
            warm["predict"],
            warm["tutorial"],
        ),
    ]


def _write_audio(folder: Path) -> tuple[str, str]:
    import numpy as np
    import soundfile

    from genrekit.jukebox import synthesise

    clip, song = folder / "clip.flac", folder / "song.mp3"
    short = synthesise("rock", seconds=SECONDS, seed=0, sample_rate_hz=RATE_HZ)
    soundfile.write(clip, short.samples, RATE_HZ)
    long = synthesise("rock", seconds=240, seed=0, sample_rate_hz=44100)
    soundfile.write(song, np.stack([long.samples, long.samples], axis=1), 44100)
    return str(clip), str(song)


def _row(what: str, own: list[float], tutorial: list[float]) -> dict[str, object]:
    ratios = sorted(theirs / ours for ours, theirs in zip(own, tutorial, strict=True))
    return {
        "what": what,
        "genrekit_seconds": statistics.median(own),
        "librosa_seconds": statistics.median(tutorial),
        "ratio": statistics.median(ratios),
        "ratio_low": ratios[0],
        "ratio_high": ratios[-1],
        "rounds": len(ratios),
    }


def render(rows: list[dict[str, object]]) -> str:
    """The rows as Markdown."""

    from genrekit import __version__

    lines = [
        "# Speed",
        "",
        "Made by `make bench`. One thread, both sides in turns in one run; medians, and the",
        "smallest and largest ratio of all rounds. The audio is a clip of the jukebox.",
        "",
        f"genrekit {__version__}, librosa {version('librosa')}, "
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores.",
        "",
        "| what | genrekit | librosa | times faster | rounds |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row['what']} | {row['genrekit_seconds']:.3f} s | {row['librosa_seconds']:.3f} s "
            f"| **{row['ratio']:.1f}** ({row['ratio_low']:.1f} to {row['ratio_high']:.1f}) "
            f"| {row['rounds']} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="Markdown file to write, and JSON beside it")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print rows as JSON")
    parser.add_argument("--only", nargs=2, metavar=("FUNCTION", "PATH"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        function, path = options.only
        globals()[function](path)
        return
    rows = measure(options.rounds)
    page = render(rows)
    print(json.dumps(rows) if options.json else page)
    if options.output:
        options.output.write_text(page, encoding="utf-8")
        options.output.with_suffix(".json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
