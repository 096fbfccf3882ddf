"""A bundle as a folder for the Hugging Face hub."""

from __future__ import annotations

import shutil
from pathlib import Path

from genrekit.bundles.bundle import Bundle, load_bundle
from genrekit.bundles.card import render_card
from genrekit.bundles.front_matter import front_matter
from genrekit.errors import BundleError
from genrekit.files import replacing_folder

README = "README.md"
_ATTRIBUTES = "".join(
    f"*.{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in ("onnx", "npz", "safetensors")
)


def export_hub(name_or_path: str | Path, out: Path) -> Path:
    """Write a bundle as a folder that is ready to upload.

    Parameters
    ----------
    out : Path
        Where nothing is yet.

    Returns
    -------
    Path
        ``out``: every file of the bundle, a ``README.md`` with front matter, ``.gitattributes``.

    Raises
    ------
    ConfigError
        If there is no such bundle.
    BundleError
        If it does not verify, or ``out`` exists.
    """
    bundle = load_bundle(name_or_path)
    if out.exists():
        raise BundleError(f"{out} exists already; choose another name")
    with replacing_folder(out) as fresh:
        for file in bundle.directory.iterdir():
            shutil.copyfile(file, fresh / file.name)
        (fresh / README).write_text(hub_readme(bundle), encoding="utf-8")
        (fresh / ".gitattributes").write_text(_ATTRIBUTES, encoding="utf-8")
    return out


def hub_readme(bundle: Bundle) -> str:
    """Return the model card with the front matter that the hub reads."""
    manifest = bundle.manifest
    card = render_card(manifest, bundle.metrics)
    front = front_matter(manifest, bundle.metrics)
    use = (
        f"## Use it\n\n```bash\npip install genrekit\ngenrekit models add hf://OWNER/{manifest.name}"
        f"\ngenrekit predict song.mp3 -m {manifest.name}\n```\n"
    )
    return f"{front}\n{card}\n{use}"
