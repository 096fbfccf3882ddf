"""The card says what the two JSON files say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import yaml

from genrekit.bundles import load_bundle, render_card


def test_the_stored_card_is_rendered_from_the_stored_json(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    front, card = (tiny_bundle / "CARD.md").read_text()[4:].split("\n---\n\n", 1)
    assert card == render_card(bundle.manifest, bundle.metrics)
    read = yaml.safe_load(front)
    assert (read["license"], read["library_name"]) == ("mit", "genrekit")
    assert set(bundle.manifest.labels) < set(read["tags"])


def test_the_headline_comes_with_interval_protocol_and_split(tiny_bundle: Path) -> None:
    card = (tiny_bundle / "CARD.md").read_text()
    headline = card.split("##")[0]
    assert "Accuracy 0.500 [0.400, 0.600] (95%, bootstrap-by-track)" in headline
    assert "`holdout`" in headline
    assert "1" * 16 in headline


def test_a_leaky_number_is_labelled_wherever_it_shows(tiny_bundle: Path) -> None:
    card = (tiny_bundle / "CARD.md").read_text()
    rows = [line for line in card.splitlines() if "segments-leaky" in line]
    assert rows
    assert all("LEAKY" in row for row in rows)
    bundle = load_bundle(tiny_bundle)
    leaky_first = bundle.metrics.model_copy(update={"results": bundle.metrics.results[::-1]})
    headline = render_card(bundle.manifest, leaky_first).split("##")[0]
    assert "(LEAKY)" in headline


def test_what_a_genre_is_called_stays_text(
    bundle_factory: Callable[..., Path], tmp_path: Path
) -> None:
    labels = ("<img src=x>", "*drum*and*bass*", "a|b")
    card = (bundle_factory(tmp_path / "odd", labels=labels) / "CARD.md").read_text("utf-8")
    rows = card.split("## Per genre")[1].split("##")[0].splitlines()
    assert [row.split(" | 0.5")[0] for row in rows if "0.500" in row] == [
        r"| \<img src=x\>",
        r"| \*drum\*and\*bass\*",
        r"| a\|b",
    ]


def test_a_card_holds_what_a_reader_must_know(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    source = bundle.manifest.provenance.model_copy(update={"left_out": "44 tracks, for checking"})
    manifest = bundle.manifest.model_copy(update={"provenance": source, "licence": "CC-BY-4.0"})
    card = render_card(manifest, bundle.metrics)
    for words in (
        "44 tracks, for checking",
        "Weights: CC-BY-4.0. Data: CC0-1.0.",
        "Expected calibration error 0.100",
        "## Intended use and limits",
        "| reggae | 0.500 | 0.500 | 0.500 | 2 |",
        "model: linear",
    ):
        assert words in card


def test_text_from_elsewhere_cannot_break_the_tables(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    odd = bundle.metrics.results[0].model_copy(update={"protocol": "a|b\nc"})
    metrics = bundle.metrics.model_copy(update={"results": (odd,)})
    assert r"| a\|b c |" in render_card(bundle.manifest, metrics)


def test_what_distortion_costs_is_told_from_the_clean_clip(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    assert "Under distortion" not in render_card(bundle.manifest, bundle.metrics)
    clean = bundle.metrics.results[0].accuracy
    worse = clean.model_copy(update={"value": clean.value - 0.125, "low": 0.3})
    metrics = bundle.metrics.model_copy(update={"distorted": {"whole": clean, "3 s": worse}})
    rows = render_card(bundle.manifest, metrics).split("## Under distortion")[1].splitlines()
    assert rows[4].endswith("| 0.0 |")
    assert rows[5].startswith("| 3 s | 0.375 [0.300, ")
    assert rows[5].endswith("| 12.5 |")
