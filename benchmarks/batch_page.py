"""The numbers of the benchmark of batches as pages: what was measured, and what follows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Numbers = dict[str, Any]

TRACKS = 100_000_000
# What the plan assumes; none of it is measured here.
CORE_HOUR_USD = 0.04
NODE_CORES = 32
DAYS = 7
MEGABYTES_A_TRACK = 4.8  # four minutes at 160 kbit/s
NODE_GIGABIT = 10
_HOUR = 3600.0
_FILES = "`docs/results/batch.json`"


def write(results: Numbers, docs: Path) -> None:
    """Write both pages from all parts that were measured."""
    (docs / "results" / "batch.md").write_text(results_page(results))
    if {"share", "costs", "memory"} <= results.keys():
        (docs / "capacity.md").write_text(capacity_page(results))


def results_page(results: Numbers) -> str:
    """Everything that was measured."""
    machine = results.get("machine", {})
    parts = [
        "# Batches, measured\n",
        "Made by `python benchmarks/batch.py`; the numbers are in "
        f"{_FILES}. Costs are seconds of processor, of all processes together, on a machine of "
        f"{machine.get('cores')} cores (Python {machine.get('python')}). The more processes "
        "want to run, the more seconds the same work takes, so rows are to be compared with each "
        "other; each part says how many wanted to. How to use it: [batch.md](../batch.md); what "
        "it comes to: [capacity.md](../capacity.md).\n",
    ]
    for name, section in _SECTIONS.items():
        if name in results:
            parts.append(section(results) + _load(results, name))
    return "\n".join(parts)


def _load(results: Numbers, name: str) -> str:
    """How busy the machine was."""
    load = results.get("loads", {}).get(name)
    return "" if load is None else f"\n{load:g} processes wanted to run meanwhile.\n"


def _torture(results: Numbers) -> str:
    rows = [("one machine, two workers", results["torture"])]
    if "ray" in results:
        rows.append(("Ray, two actors", results["ray"]))
    table = _table(
        ["engine", "files", "right answers", "records of failures", "by kind"],
        [
            [
                name,
                f"{one['files']:,}",
                f"{one['right']:,}",
                str(one["records_of_failures"]),
                ", ".join(f"{kind} {count}" for kind, count in one["kinds"].items()),
            ]
            for name, one in rows
        ],
    )
    return (
        "## 1,000 files, 26 of them bad\n\n974 clips; 4 files that crash the decoder (a planted "
        "SIGSEGV), 1 that hangs in it, 1 that takes all memory it can get, and 20 that are bad in "
        "as many ways. An answer is right if it is what one call of the library says.\n\n" + table
    )


def _kills(results: Numbers) -> str:
    one = results["kills"]
    same = "identical to the byte" if one["identical"] else "**different**"
    return (
        "## Killed and gone on with\n\n"
        f"`kill -9` at {one['kills']} random moments of a run of {one['files']} files with two "
        f"workers: the final table is {same} to that of a run that nobody killed, and "
        f"{one['analysed_again']} files were analysed twice, where at most "
        f"{one['most_in_flight']} were in flight.\n"
    )


def _memory(results: Numbers) -> str:
    found = sorted(results["memory"].values(), key=lambda one: one["paths"])
    table = _table(
        ["paths", "most memory of the driver", "processor a path: driver", "all processes"],
        [
            [
                f"{one['paths']:,}",
                f"{one['driver_peak_mib']:.0f} MiB",
                f"{one['driver_cpu_us_a_path']:.0f} µs",
                f"{one['all_cpu_us_a_path']:.0f} µs",
            ]
            for one in found
        ],
    )
    more = found[-1]["driver_peak_mib"] - found[0]["driver_peak_mib"]
    return (
        "## Memory, and what the engine costs\n\nLinks to a few files, and a constant in place of "
        f"the model.\n\n{table}\nFrom the first to the last row memory grows by {more:.0f} MiB.\n"
    )


def _costs(results: Numbers) -> str:
    table = _table(
        ["a 4-minute mp3, 44.1 kHz stereo", "CPU seconds a track", "tracks an hour and core"],
        [
            [name, f"{seconds:.3f}", f"{_HOUR / seconds:,.0f}"]
            for name, seconds in sorted(results["costs"].items(), key=lambda one: one[1])
        ],
    )
    text = (
        "## A track\n\nIn one run, one after the other; what starting costs is not in it.\n\n"
        f"{table}"
    )
    if "share" in results:
        share = results["share"]
        text += (
            f"\nJournal and supervision are {share['engine_cpu_seconds'] * 1e6:.0f} µs of a track, "
            f"{share['of_a_track']:.2%} of it. The driver's share of the processor leaves "
            f"{share['second_core_adds']:.2f} of a core for a second one (calculated).\n"
        )
    return text


def _accuracy(results: Numbers) -> str:
    found = results["accuracy"]
    table = _table(
        ["strategy", "right of tracks", "accuracy", "as the whole track", "CPU seconds a track"],
        [
            [
                f"`{name}`",
                f"{one['right']} of {one['tracks']}",
                f"{one['accuracy']:.2f} ({one['low']:.2f} to {one['high']:.2f})",
                f"{one['as_whole']:.2f}",
                f"{one['cpu_seconds']:.3f}",
            ]
            for name, one in found.items()
        ],
    )
    return (
        "## How much of a track to analyse\n\nWhole tracks of the jukebox, whose genre is known; "
        "intervals are Wilson's. Whole tracks of people with labels were not at hand: this tells "
        f"the strategies apart, not how good the model is.\n\n{table}"
    )


_SECTIONS = {
    "torture": _torture,
    "kills": _kills,
    "memory": _memory,
    "costs": _costs,
    "accuracy": _accuracy,
}


def capacity_page(results: Numbers) -> str:
    """What a hundred million tracks take, each figure marked measured or calculated."""
    track = results["costs"]["genrekit batch, middle"]
    whole = results["costs"]["genrekit batch, whole"]
    engine = results["share"]["engine_cpu_seconds"]
    rows = [
        ("CPU seconds a track, 30 s from the middle", f"{track:.3f}", "measured"),
        ("CPU seconds a track, all of it", f"{whole:.3f}", "measured"),
        ("journal and supervision, CPU µs a track", f"{engine * 1e6:.0f}", "measured"),
        ("tracks an hour and core", f"{_HOUR / track:,.0f}", "calculated"),
        ("driver's CPU µs a track", f"{_driver_us(results):.0f}", "measured"),
        ("tracks an hour that one driver journals", f"{_driver_rate(results):,.0f}", "calculated"),
    ]
    return "\n".join(
        [
            "# Capacity\n",
            "What a catalogue takes, from the measured rates in [results/batch.md]"
            "(results/batch.md). Written by `python benchmarks/batch.py`; what is assumed stands "
            "in `benchmarks/batch_page.py` and is marked.\n",
            "## Rates\n",
            _table(["what", "how much", ""], [list(row) for row in rows]),
            f"## {TRACKS:,} tracks\n",
            _table(["what", "how much", ""], _plan(track, results)),
            _advice(),
        ]
    )


def _driver_us(results: Numbers) -> float:
    return float(min(one["driver_cpu_us_a_path"] for one in results["memory"].values()))


def _driver_rate(results: Numbers) -> float:
    return _HOUR * 1e6 / _driver_us(results)


def _plan(track: float, results: Numbers) -> list[list[str]]:
    hours = TRACKS * track / _HOUR
    cores = hours / (DAYS * 24)
    nodes = -(-cores // NODE_CORES)
    network = nodes * NODE_CORES / track * MEGABYTES_A_TRACK * 8 / 1000
    node_network = NODE_CORES / track * MEGABYTES_A_TRACK * 8 / 1000
    return [
        ["core hours", f"{hours:,.0f}", "calculated"],
        [f"cores, to be done in {DAYS} days", f"{cores:,.0f}", "calculated"],
        [f"machines of {NODE_CORES} cores", f"{nodes:,.0f}", "calculated"],
        [
            f"cost at {CORE_HOUR_USD:.2f} USD a core hour",
            f"{hours * CORE_HOUR_USD:,.0f} USD",
            "calculated; the price is assumed",
        ],
        [
            f"read at {MEGABYTES_A_TRACK} MB a track, whole files",
            f"{TRACKS * MEGABYTES_A_TRACK / 1e6:,.0f} TB",
            "calculated; the size is assumed",
        ],
        [
            "network of a machine",
            f"{node_network:.1f} Gbit/s of {NODE_GIGABIT}",
            "calculated",
        ],
        ["network of all", f"{network:,.0f} Gbit/s", "calculated"],
        [
            "journal, at 1.2 kB an entry",
            f"{TRACKS * 1200 / 1e9:,.0f} GB",
            "calculated; the size is of ten genres without tags",
        ],
        [
            "drivers that journal at that rate",
            f"{max(1.0, cores * _HOUR / track / _driver_rate(results)):.1f}",
            "calculated",
        ],
    ]


def _advice() -> str:
    return """## What breaks first

1. **The network, from object storage.** A file is fetched whole, whatever is analysed of it. From a
   shared file system libsndfile seeks, and reads little more than the 30 seconds.
2. **One driver.** It writes every entry. Long before that hurts, split the catalogue with
   `--shard i/n`, one run a machine, and join the runs with `genrekit batch merge`: shards share
   nothing, and losing one costs nothing but its own time. On Ray the driver is one, too: run one
   batch a shard.
3. **Replay.** A run that goes on reads its journal from the beginning; with shards of a million
   tracks that is seconds.
4. **Listing.** Object storage lists a thousand names a request; a manifest (Parquet) is read as a
   stream and says what is meant.

## How to

    # a manifest of all paths, then on machine i of n:
    genrekit batch catalogue.parquet -o runs/$i --shard $i/$n --format parquet
    # anywhere, when all are done:
    genrekit batch merge runs/* -o catalogue-run --format parquet
"""


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in lines)
