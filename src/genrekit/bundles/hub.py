"""A bundle as a folder for the Hugging Face hub."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import yaml

from genrekit.bundles.bundle import Bundle, load_bundle
from genrekit.bundles.card import render_card
from genrekit.errors import BundleError
from genrekit.files import replacing_folder
from genrekit.schema import EvaluationResult

README = "README.md"
_LICENCES = {"mit": "mit", "isc": "isc", "apache-2.0": "apache-2.0", "cc-by-4.0": "cc-by-4.0"}
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
    front = yaml.safe_dump(_front_matter(bundle), sort_keys=False, allow_unicode=True)
    use = (
        f"## Use it\n\n```bash\npip install genrekit\ngenrekit models add hf://OWNER/{manifest.name}"
        f"\ngenrekit predict song.mp3 -m {manifest.name}\n```\n"
    )
    return f"---\n{front}---\n\n{card}\n{use}"


def _front_matter(bundle: Bundle) -> dict[str, Any]:
    manifest = bundle.manifest
    front: dict[str, Any] = {"library_name": "genrekit", "pipeline_tag": "audio-classification"}
    licence = manifest.licence.strip()
    known = _LICENCES.get(licence.casefold())
    front |= {"license": known} if known else {"license": "other", "license_name": _slug(licence)}
    front["tags"] = ["audio-classification", "music", "music-genre", "onnx", *manifest.labels]
    results = [_result(one) for one in bundle.metrics.results]
    if results:
        front["model-index"] = [{"name": manifest.name, "results": results}]
    return front


def _result(result: EvaluationResult) -> dict[str, Any]:
    leaky = " (LEAKY)" if result.leaky else ""
    metrics = [("accuracy", result.accuracy), ("f1", result.macro_f1)]
    return {
        "task": {"type": "audio-classification", "name": "Music genre classification"},
        "dataset": {
            "name": f"{result.dataset}, {result.protocol}{leaky}",
            "type": _slug(result.dataset) or "own",
        },
        "metrics": [
            {
                "type": kind,
                "value": round(one.value, 4),
                "name": f"{'accuracy' if kind == 'accuracy' else 'macro F1'} {one.value:.3f} "
                f"[{one.low:.3f}, {one.high:.3f}] ({one.level:.0%}, {one.method})",
            }
            for kind, one in metrics
        ],
    }


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:64]
