"""How well the acoustic fingerprint finds copies, what it mistakes for one, and what it costs.

    OMP_NUM_THREADS=1 python benchmarks/fingerprint.py --output docs/results/fingerprint.md

It runs on the jukebox alone; ``--audio FOLDER`` adds real recordings in sub-folders. Files of one
name are taken to be one recording. Those of 20 s and more are altered like the jukebox's, shorter
ones are looked for in them.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from distortions import RATE_HZ
from fingerprint_copies import (
    FIRST_SEED,
    LONG_SECONDS,
    PLACE_SECONDS,
    SAME_WAVEFORM,
    Measured,
    Source,
    different_rows,
    excerpt_rows,
    measure_all,
    recall_rows,
    share,
    surprise_rows,
)
from synthetic_fingerprints import COPY_EVERY, synthetic

from genrekit import __version__
from genrekit.batch import find_audio
from genrekit.fingerprint import LEAST_SCORE, Fingerprint, compare, fingerprint, propose
from genrekit.jukebox import JUKEBOX_GENRES

# --- cost ---------------------------------------------------------------------------------------


def cost_rows(sets: Mapping[str, Sequence[Measured]]) -> Iterator[str]:
    yield "| clips | fingerprint of a clip | bytes | landmarks a second | one comparison |"
    yield "|---|---|---|---|---|"
    for name, measured in sets.items():
        clips = [one for one in measured if one.plain.seconds >= LONG_SECONDS]
        audio = [one.source.samples() for one in clips[::7]]
        making = _milliseconds(fingerprint, [(samples, RATE_HZ) for samples in audio])
        pairs = [(one.plain, next(iter(one.copies.values()))[0]) for one in clips if one.copies]
        comparing = _milliseconds(compare, pairs)
        size = statistics.mean(len(one.plain.to_bytes()) for one in clips)
        density = statistics.mean(len(one.plain) / one.plain.seconds for one in clips)
        yield f"| {name} | {making:.0f} ms | {size:,.0f} | {density:.0f} | {comparing:.1f} ms |"


def _milliseconds(function: Callable[..., object], calls: Iterable[tuple[Any, ...]]) -> float:
    """Median over the calls."""
    seconds = []
    for arguments in calls:
        begin = time.perf_counter()
        function(*arguments)
        seconds.append(time.perf_counter() - begin)
    return 1000 * statistics.median(seconds)


def scale_rows(sources: Sequence[Fingerprint], counts: Sequence[int]) -> Iterator[str]:
    yield (
        "| recordings | all pairs | hashes | equal hashes | pairs compared | index | comparing | "
        "time a recording | planted copies found | wrong | peak memory |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for count in counts:
        prints = synthetic(sources, count)
        begin = time.perf_counter()
        proposal = propose(prints)
        indexed = time.perf_counter()
        matches = [
            (one, other)
            for one, other in proposal.pairs
            if (match := compare(prints[one], prints[other])) and match.score >= LEAST_SCORE
        ]
        compared = time.perf_counter()
        planted = {(n - 1, n) for n in range(COPY_EVERY - 1, count, COPY_EVERY)}
        found = len(planted & set(matches))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        yield (
            f"| {count:,} | {count * (count - 1) // 2:,} | {proposal.hashes:,} | "
            f"{proposal.votes:,} | {len(proposal.pairs):,} | {indexed - begin:.1f} s | "
            f"{compared - indexed:.1f} s | {1000 * (compared - begin) / count:.1f} ms | "
            f"{share(found, len(planted))} | "
            f"{len(matches) - found} | {memory:.1f} GiB |"
        )


def realism_rows(sets: Mapping[str, Sequence[Fingerprint]]) -> Iterator[str]:
    """Equal hashes of two different recordings: synthetic ones must not be easier than others."""
    yield "| 30-s clips | pairs | hashes a clip | equal hashes a pair | pairs compared |"
    yield "|---|---|---|---|---|"
    for name, prints in sets.items():
        proposal = propose(prints)
        pairs = len(prints) * (len(prints) - 1) // 2
        yield (
            f"| {name} | {pairs:,} | {proposal.hashes / len(prints):,.0f} | "
            f"{proposal.votes / pairs:.4f} | {len(proposal.pairs):,} |"
        )


def _clips(measured: Sequence[Measured]) -> list[Fingerprint]:
    return [one.plain for one in measured if one.plain.seconds >= LONG_SECONDS]


# --- the page -----------------------------------------------------------------------------------


def page(sets: Mapping[str, Sequence[Measured]], counts: Sequence[int]) -> Iterator[str]:
    real = sets.get("real files")
    yield "# Acoustic fingerprint\n"
    yield "Made by `python benchmarks/fingerprint.py" + (" --audio FOLDER" if real else "") + "`.\n"
    yield (
        f"genrekit {__version__}, Python {platform.python_version()}, {platform.machine()}, "
        f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', '(not set)')}. "
        "Brackets hold Wilson's intervals of 95 %. "
        f"Two recordings match from a score of {LEAST_SCORE} on. That score, and all settings, "
        f"were chosen on other pieces of the jukebox (seeds below {FIRST_SEED}) and, of the real "
        "clips, on altered copies of number 1 and 5 of each genre, which are left out of the "
        "first table; when the score was set, those of the excerpts that others made were known.\n"
    )
    for name, measured in sets.items():
        clips = [one for one in measured if one.plain.seconds >= LONG_SECONDS]
        yield f"- {name}: {len(clips)} clips of 30 s, {len(measured) - len(clips)} shorter files"
    yield "\n## Altered copies\n"
    yield (
        "All recordings as they are, and the copies of one kind, are searched together. *Found*: "
        "copies matched with their original. *Score*: the lowest of any copy, found or not. "
        f"*Place*: copies found more than {PLACE_SECONDS} s from where they belong (after a cut, "
        "from where their first part does; the second one may decide). *Wrong*: copies matched "
        "with another recording, unless their originals match, too. Some rows show where it ends: "
        "excerpts of one second, and speeds that change by more than 7 %, are not meant to be "
        "found.\n"
    )
    yield from recall_rows(sets)
    yield "\n## Different recordings\n"
    yield (
        "Every recording as it is, searched for every other one. *Compared*: pairs that the index "
        "proposes. The last two columns pass the index by and lay all pairs of whole clips on each "
        "other.\n"
    )
    yield from different_rows(sets)
    if real:
        yield (
            "\nEvery match between files of different names. Where the waveforms agree far better "
            "than those of other files do, it is one recording under two names, and no mistake:\n"
        )
        yield from surprise_rows(real)
        yield "\n## Excerpts that others made\n"
        yield (
            "Which of them lie in a longer file of their name is decided by the waveforms: a "
            f"normalised correlation of {SAME_WAVEFORM} or more somewhere.\n"
        )
        yield from excerpt_rows(real)
    yield "\n## Cost\n"
    yield from cost_rows(sets)
    yield "\n## Growth\n"
    yield (
        "Synthetic fingerprints (`benchmarks/synthetic_fingerprints.py`); of every hundred one is "
        "an altered excerpt of the one before it. *Equal hashes* is what the index looks at; it "
        "would grow with the square, but stays a small part of the work, and more than 64 times "
        "the number of hashes it cannot be.\n"
    )
    sources = [one for measured in sets.values() for one in _clips(measured)]
    yield from scale_rows(sources, counts)
    yield "\nAre the synthetic ones as hard to tell apart as others?\n"
    prints = {name: _clips(measured) for name, measured in sets.items()}
    invented = [one for number, one in enumerate(synthetic(sources, 1000)) if number % 100 < 98]
    yield from realism_rows({**prints, "synthetic": invented})


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--audio", type=Path, help="folder of real recordings")
    parser.add_argument("--output", type=Path, help="Markdown file to write")
    parser.add_argument("--pieces", type=int, default=10, help="of the jukebox in each genre")
    parser.add_argument("--scale", type=int, nargs="*", default=[1000, 10_000, 100_000])
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    sources = {
        "jukebox": [
            Source(f"{genre} {seed}", genre, seed)
            for genre in JUKEBOX_GENRES
            for seed in range(FIRST_SEED, FIRST_SEED + options.pieces)
        ]
    }
    if options.audio:
        files = find_audio([options.audio])
        sources["real files"] = [
            Source(str(file.relative_to(options.audio).with_suffix("")), path=file)
            for file in files
        ]
    sets = {name: measure_all(some, options.workers) for name, some in sources.items()}
    text = "\n".join(page(sets, options.scale)) + "\n"
    print(text)
    if options.output:
        options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
