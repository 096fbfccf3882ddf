"""How large every model is, read from what builds it or from the bundle that ships it.

    python benchmarks/sizes.py           # rewrite docs/results/sizes.md
    python benchmarks/sizes.py --check   # exit with 1 if it is out of date

DistilHuBERT is counted by transformers; where that is not installed, its line stays as it is.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import onnx
import torch

from genrekit.bundles import load_bundle
from genrekit.errors import MissingExtraError
from genrekit.models import MODELS, NETWORKS, build_network
from genrekit.models.module import count_parameters
from genrekit.models.networks import NetworkConfig
from genrekit.models.pretrained import BACKBONES, build_body

PAGE = Path(__file__).resolve().parents[1] / "docs" / "results" / "sizes.md"
GENRES = (8, 50, 100, 200)
#: What networks are counted for: a mel spectrogram of 30 s, and the columns of the usual table.
SHAPES: dict[str, tuple[str, tuple[int, ...]]] = {
    "spectrogram": ("mel", (128, 1291)),
    "vector": ("gtzan57", (57,)),
}
#: Settings that recipes and papers name, beside the defaults of every network.
VARIANTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("mlp", {"layers": (256, 128, 64)}),
    ("mlp", {"layers": (1024, 512, 256, 128, 64)}),
    ("resnet", {"base_channels": 16}),
    ("resnet", {"base_channels": 64}),
    ("resnet", {"base_channels": 64, "use_attention": False}),
)


def network_rows() -> Iterator[str]:
    """A line for each network: its parameters for each number of genres, and bytes."""
    named: list[tuple[str, dict[str, Any]]]
    named = [(name, {}) for name in NETWORKS if name != "pretrained"]
    for name, settings in sorted([*named, *VARIANTS], key=lambda one: (one[0], str(one[1]))):
        config = MODELS.get(name)(**settings)
        counts = [_parameters(config, n_genres) for n_genres in GENRES]
        shown = ", ".join(f"`{key}: {_plain(value)}`" for key, value in settings.items())
        cells = " | ".join(f"{count:,}" for count in counts)
        yield f"| `{name}` {shown} | {cells} | {_megabytes(4 * counts[0])} |".replace("  ", " ")


def backbone_rows() -> Iterator[str]:
    """A line for each published backbone whose library is installed."""
    for name in BACKBONES:
        kind = BACKBONES.get(name)
        config = kind(weights="random")
        try:
            body = build_body(config, round(config.windows.window_seconds * config.sample_rate_hz))
        except MissingExtraError:
            continue
        count = sum(one.numel() for one in body.parameters())
        published = _megabytes(kind.source.about_bytes)
        yield f"| `{name}` | {count:,} | {body.embedding_size:,} | {published} |"


def bundle_rows() -> Iterator[str]:
    """A line for each bundle inside the package."""
    bundle = load_bundle("default")
    files = [path for path in bundle.directory.iterdir() if path.is_file()]
    graph = onnx.load(bundle.directory / "model.onnx").graph
    kinds = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)
    floats = [one for one in graph.initializer if one.data_type in kinds]
    count = sum(_product(one.dims) for one in floats)
    sizes = [_megabytes((bundle.directory / "model.onnx").stat().st_size)]
    sizes.append(_megabytes(sum(path.stat().st_size for path in files)))
    about = f"{bundle.manifest.name} {bundle.manifest.version}"
    yield f"| `{about}` | {count:,} | {len(bundle.manifest.labels)} | {' | '.join(sizes)} |"


def page() -> str:
    """The page, in Markdown."""
    genres = " | ".join(f"{n} genres" for n in GENRES)
    return "\n".join(
        [
            "# How large the models are",
            "",
            "Written by `python benchmarks/sizes.py`, which counts what the builders build and",
            "what the bundles hold; nothing here is typed.",
            "",
            "## Networks",
            "",
            "Parameters that training changes, by number of genres: a mel spectrogram of 128 bands",
            "and 30 s, and for vectors the 57 columns of the usual table. MB are of the weights in",
            "float32, for the first number of genres. Settings that are not named have their",
            "defaults.",
            "",
            f"| network | {genres} | MB |",
            "|---|" + "---|" * (len(GENRES) + 1),
            *network_rows(),
            "",
            "A genre costs its row of the last layer and no more. A bundle of a network holds its",
            "weights twice: in the graph that answers, and in `weights.safetensors` for gradients",
            "and fine-tuning.",
            "",
            "## Published backbones",
            "",
            "All parameters of the part that is used, and the file that is fetched.",
            "",
            "| backbone | parameters | embedding | MB fetched |",
            "|---|---|---|---|",
            *backbone_rows(),
            "",
            "## In the package",
            "",
            "| bundle | numbers in its graph | genres | MB of the graph | MB of the bundle |",
            "|---|---|---|---|---|",
            *bundle_rows(),
            "",
            "Classical models have no size of their own: trees and neighbours grow with the rows",
            "that they are fitted on. `genrekit models show NAME` says what a bundle takes.",
            "",
        ]
    )


def _parameters(config: NetworkConfig, n_genres: int) -> int:
    with torch.device("meta"):
        shapes = dict(SHAPES[form] for form in config.takes)
        return count_parameters(build_network(config, shapes, n_genres))


def _product(sizes: Sequence[int]) -> int:
    found = 1
    for size in sizes:
        found *= size
    return found


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.2g}" if n_bytes < 1e7 else f"{n_bytes / 1e6:.0f}"


def with_lines_kept(fresh: str, there: str) -> str:
    """``fresh`` with the lines of backbones that only ``there`` could count."""
    known = set(re.findall(r"^\| `[a-z0-9]+` \|", fresh, re.MULTILINE))
    lines = fresh.split("\n")
    start = lines.index("| backbone | parameters | embedding | MB fetched |") + 2
    for line in there.split("\n"):
        name = re.match(r"\| `[a-z0-9]+` \|", line)
        if name and name.group() not in known and line.strip("| `").split("`")[0] in BACKBONES:
            lines.insert(start, line)
    end = next(n for n in range(start, len(lines)) if not lines[n].startswith("|"))
    return "\n".join([*lines[:start], *sorted(lines[start:end]), *lines[end:]])


def main() -> None:
    """Rewrite or check the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    there = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
    fresh = with_lines_kept(page(), there)
    if not check:
        PAGE.write_text(fresh, encoding="utf-8")
    stale = sorted(set(there.split("\n")) - set(fresh.split("\n")))
    missing = [row for row in network_rows() if row not in there] if check else []
    if check and (stale or missing):
        sys.exit(f"docs/results/sizes.md is out of date; run make readme: {(stale or missing)[0]}")


if __name__ == "__main__":
    main()
