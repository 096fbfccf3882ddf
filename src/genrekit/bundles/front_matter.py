"""The head of a model card that machines read, as the Hugging Face hub does."""

from __future__ import annotations

import re
from typing import Any

import yaml

from genrekit.schema import BundleMetrics, EvaluationResult, Manifest

_LICENCES = {"mit": "mit", "isc": "isc", "apache-2.0": "apache-2.0", "cc-by-4.0": "cc-by-4.0"}


def front_matter(manifest: Manifest, metrics: BundleMetrics) -> str:
    """Return licence, tags and numbers as YAML between dashes; equal inputs give equal text."""
    fields = yaml.safe_dump(_fields(manifest, metrics), sort_keys=False, allow_unicode=True)
    return f"---\n{fields}---\n"


def _fields(manifest: Manifest, metrics: BundleMetrics) -> dict[str, Any]:
    task = "feature-extraction" if manifest.embedding_only else "audio-classification"
    front: dict[str, Any] = {"library_name": "genrekit", "pipeline_tag": task}
    licence = manifest.licence.strip()
    known = _LICENCES.get(licence.casefold())
    front |= {"license": known} if known else {"license": "other", "license_name": _slug(licence)}
    labels = () if manifest.embedding_only else manifest.labels
    front["tags"] = [task, "music", "music-genre", "onnx", *labels]
    results = [_result(one) for one in metrics.results]
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
