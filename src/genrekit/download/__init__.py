"""Corpora fetched, resumed, checked and unpacked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genrekit.lazy import resolver

if TYPE_CHECKING:
    from genrekit.download.archives import OFFERS
    from genrekit.download.corpora import DownloadPlan, download, plan_download
    from genrekit.download.expected import Fault
    from genrekit.download.hub import hub_bundle, is_hub
    from genrekit.download.places import YOUR_OWN, corpus_folder, present_parts
    from genrekit.download.transfer import RetryPolicy, Size, fetch
    from genrekit.download.verify import CheckedCopy, verify_copy

__all__ = [
    "OFFERS",
    "YOUR_OWN",
    "CheckedCopy",
    "DownloadPlan",
    "Fault",
    "RetryPolicy",
    "Size",
    "corpus_folder",
    "download",
    "fetch",
    "hub_bundle",
    "is_hub",
    "plan_download",
    "present_parts",
    "verify_copy",
]

# Resolved on first use: who needs one module of this room does not import the others.
_HOMES = {
    "OFFERS": "genrekit.download.archives",
    "DownloadPlan": "genrekit.download.corpora",
    "download": "genrekit.download.corpora",
    "plan_download": "genrekit.download.corpora",
    "Fault": "genrekit.download.expected",
    "hub_bundle": "genrekit.download.hub",
    "is_hub": "genrekit.download.hub",
    "YOUR_OWN": "genrekit.download.places",
    "corpus_folder": "genrekit.download.places",
    "present_parts": "genrekit.download.places",
    "RetryPolicy": "genrekit.download.transfer",
    "Size": "genrekit.download.transfer",
    "fetch": "genrekit.download.transfer",
    "CheckedCopy": "genrekit.download.verify",
    "verify_copy": "genrekit.download.verify",
}

__getattr__ = resolver(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
