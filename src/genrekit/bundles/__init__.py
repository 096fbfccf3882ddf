"""Saved models that describe themselves: load, verify, write, name. Nothing in them is pickle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.bundles.add import add_bundle
    from genrekit.bundles.aliases import AliasStamp, PromotionStep, alias_stamp
    from genrekit.bundles.bundle import Bundle, load_bundle
    from genrekit.bundles.card import render_card
    from genrekit.bundles.hub import export_hub, hub_readme
    from genrekit.bundles.metadata import (
        check_metadata,
        model_metadata,
        read_metadata,
        with_metadata,
    )
    from genrekit.bundles.promotion import promote, promotion_history, roll_back
    from genrekit.bundles.session import EMBEDDING, LOGITS, embed_session, open_session, run_session
    from genrekit.bundles.store import (
        DEFAULT_BUNDLE,
        BundleSummary,
        find_bundle,
        list_bundles,
        set_alias,
        store_directory,
    )
    from genrekit.bundles.verify import MANIFEST, MODEL, parse_manifest
    from genrekit.bundles.window import fill_window, window_features, window_samples
    from genrekit.bundles.write import check_target, rewrite_bundle, write_bundle

__all__ = [
    "DEFAULT_BUNDLE",
    "EMBEDDING",
    "LOGITS",
    "MANIFEST",
    "MODEL",
    "AliasStamp",
    "Bundle",
    "BundleSummary",
    "PromotionStep",
    "add_bundle",
    "alias_stamp",
    "check_metadata",
    "check_target",
    "embed_session",
    "export_hub",
    "fill_window",
    "find_bundle",
    "hub_readme",
    "list_bundles",
    "load_bundle",
    "model_metadata",
    "open_session",
    "parse_manifest",
    "promote",
    "promotion_history",
    "read_metadata",
    "render_card",
    "rewrite_bundle",
    "roll_back",
    "run_session",
    "set_alias",
    "store_directory",
    "window_features",
    "window_samples",
    "with_metadata",
    "write_bundle",
]

# Resolved on first use: who needs one module of this room does not import the others.
_HOMES = {
    "add_bundle": "genrekit.bundles.add",
    "AliasStamp": "genrekit.bundles.aliases",
    "PromotionStep": "genrekit.bundles.aliases",
    "alias_stamp": "genrekit.bundles.aliases",
    "Bundle": "genrekit.bundles.bundle",
    "load_bundle": "genrekit.bundles.bundle",
    "render_card": "genrekit.bundles.card",
    "export_hub": "genrekit.bundles.hub",
    "hub_readme": "genrekit.bundles.hub",
    "check_metadata": "genrekit.bundles.metadata",
    "model_metadata": "genrekit.bundles.metadata",
    "read_metadata": "genrekit.bundles.metadata",
    "with_metadata": "genrekit.bundles.metadata",
    "promote": "genrekit.bundles.promotion",
    "promotion_history": "genrekit.bundles.promotion",
    "roll_back": "genrekit.bundles.promotion",
    "EMBEDDING": "genrekit.bundles.session",
    "LOGITS": "genrekit.bundles.session",
    "embed_session": "genrekit.bundles.session",
    "open_session": "genrekit.bundles.session",
    "run_session": "genrekit.bundles.session",
    "DEFAULT_BUNDLE": "genrekit.bundles.store",
    "BundleSummary": "genrekit.bundles.store",
    "find_bundle": "genrekit.bundles.store",
    "list_bundles": "genrekit.bundles.store",
    "set_alias": "genrekit.bundles.store",
    "store_directory": "genrekit.bundles.store",
    "MANIFEST": "genrekit.bundles.verify",
    "MODEL": "genrekit.bundles.verify",
    "parse_manifest": "genrekit.bundles.verify",
    "fill_window": "genrekit.bundles.window",
    "window_features": "genrekit.bundles.window",
    "window_samples": "genrekit.bundles.window",
    "check_target": "genrekit.bundles.write",
    "rewrite_bundle": "genrekit.bundles.write",
    "write_bundle": "genrekit.bundles.write",
}

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
