"""Putting a bundle into the user's store, once it has proved itself."""

from __future__ import annotations

import shutil
from pathlib import Path

from genrekit.bundles.bundle import load_bundle
from genrekit.bundles.store import set_alias, store_directory
from genrekit.bundles.verify import MANIFEST
from genrekit.errors import BundleError
from genrekit.files import replacing_folder


def add_bundle(path: Path, *, alias: str | None = None) -> Path:
    """Verify the bundle at ``path`` and copy it into the store.

    Returns
    -------
    Path
        Its directory in the store. Adding the same bundle again changes nothing.

    Raises
    ------
    BundleError
        If it does not verify, or another bundle of this name and version is stored.
    """
    manifest = load_bundle(path).manifest
    target = store_directory() / manifest.name / manifest.version
    if target.exists():
        if (target / MANIFEST).read_bytes() != (path / MANIFEST).read_bytes():
            raise BundleError(
                f"another {manifest.name} {manifest.version} is stored already; "
                "give the new one a higher version"
            )
    else:
        with replacing_folder(target) as fresh:
            shutil.copytree(path, fresh, dirs_exist_ok=True)
    if alias is not None:
        set_alias(manifest.name, alias, manifest.version)
    return target
