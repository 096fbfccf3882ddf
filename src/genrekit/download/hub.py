"""A model from the Hugging Face hub: the files of a bundle, and nothing else that lies there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from genrekit.bundles import MANIFEST, parse_manifest
from genrekit.download.transfer import RetryPolicy, Size, fetch
from genrekit.errors import ConfigError, DatasetError
from genrekit.progress import Progress, silent

SCHEME = "hf://"
_ADDRESS = re.compile(
    r"hf://(?P<owner>[A-Za-z0-9][\w.-]{0,95})/(?P<name>[A-Za-z0-9][\w.-]{0,95})"
    r"(?:@(?P<revision>[\w./-]{1,100}))?"
)
_MOST_MANIFEST, _MOST_FILE = 1 << 20, 2 << 30
_RETRIES = RetryPolicy(stall_seconds=30.0, attempts=3, longest_wait_seconds=4.0)


def is_hub(address: str) -> bool:
    """Whether an address is one of the hub's."""
    return address.startswith(SCHEME)


@contextmanager
def hub_bundle(
    address: str, *, retries: RetryPolicy = _RETRIES, progress: Progress = silent
) -> Iterator[Path]:
    """Fetch the bundle at ``hf://owner/name`` or ``hf://owner/name@revision``.

    ``HF_ENDPOINT`` names another hub, and ``HF_HUB_OFFLINE=1`` forbids to ask any.

    Yields
    ------
    Path
        A folder with the files that its manifest lists, not verified; it is deleted afterwards.

    Raises
    ------
    ConfigError
        If the address is of another form, or the hub must not be asked.
    DatasetError
        If it cannot be reached, or has no bundle there.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise ConfigError(
            f"{address!r} is not an address of the hub; expected hf://owner/name, or "
            "hf://owner/name@revision"
        )
    if os.environ.get("HF_HUB_OFFLINE", "").casefold() in ("1", "true", "yes", "on"):
        raise ConfigError(
            f"{address} is on the Hugging Face hub, and HF_HUB_OFFLINE forbids to ask it; unset "
            "that, or fetch the folder elsewhere and add it by its path"
        )
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    revision = quote(found["revision"] or "main", safe="")
    base = f"{endpoint}/{found['owner']}/{found['name']}/resolve/{revision}"
    with TemporaryDirectory(prefix="genrekit-hub-") as folder:
        _fetch_all(address, base, Path(folder), retries, progress)
        yield Path(folder)


def _fetch_all(
    address: str, base: str, folder: Path, retries: RetryPolicy, progress: Progress
) -> None:
    manifest = folder / MANIFEST
    try:
        for _ in fetch(f"{base}/{MANIFEST}", manifest, Size(_MOST_MANIFEST), retries=retries):
            pass
        files = parse_manifest(manifest.read_bytes()).files
        for number, one in enumerate(files, 1):
            size = Size(_MOST_FILE, one.size_bytes)
            checksum = f"sha256:{one.sha256}"
            url = f"{base}/{quote(one.name)}"
            for _ in fetch(url, folder / one.name, size, checksum=checksum, retries=retries):
                pass
            progress("Fetching", number, len(files))
    except DatasetError as problem:
        raise DatasetError(
            f"{address} cannot be fetched. {problem}. Without a connection, fetch the folder "
            "elsewhere and add it by its path: genrekit models add FOLDER"
        ) from problem
