"""Saved models that describe themselves: load, verify, write, name. Nothing in them is pickle."""

from __future__ import annotations

from genrekit.bundles.add import add_bundle
from genrekit.bundles.aliases import PromotionStep
from genrekit.bundles.bundle import Bundle, load_bundle
from genrekit.bundles.card import render_card
from genrekit.bundles.hub import export_hub, hub_readme
from genrekit.bundles.metadata import check_metadata, model_metadata, read_metadata, with_metadata
from genrekit.bundles.promotion import promote, promotion_history, roll_back
from genrekit.bundles.store import (
    DEFAULT_BUNDLE,
    BundleSummary,
    find_bundle,
    list_bundles,
    set_alias,
)
from genrekit.bundles.window import fill_window, window_features, window_samples
from genrekit.bundles.write import check_target, rewrite_bundle, write_bundle

__all__ = [
    "DEFAULT_BUNDLE",
    "Bundle",
    "BundleSummary",
    "PromotionStep",
    "add_bundle",
    "check_metadata",
    "check_target",
    "export_hub",
    "fill_window",
    "find_bundle",
    "hub_readme",
    "list_bundles",
    "load_bundle",
    "model_metadata",
    "promote",
    "promotion_history",
    "read_metadata",
    "render_card",
    "rewrite_bundle",
    "roll_back",
    "set_alias",
    "window_features",
    "window_samples",
    "with_metadata",
    "write_bundle",
]
