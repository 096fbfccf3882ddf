"""What `genrekit --version` says: versions, the model, extras and codecs."""

from __future__ import annotations

import platform
from typing import Any

import genrekit
from genrekit.errors import GenreError
from genrekit.installation.extras import installed_extras


def installed() -> dict[str, Any]:
    """Say what is installed, as plain values for JSON.

    Returns
    -------
    dict
        ``genrekit``, ``python``, ``platform``; ``model`` with name, version and hash, or None and a
        ``problem``; ``extras`` by name, each with what of it is there and missing; ``codecs``: the
        libraries that decode, and the containers and suffixes that are read.
    """
    return {
        "genrekit": genrekit.__version__,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "model": _model(),
        "extras": {
            one.name: {
                "installed": one.works,
                "versions": dict(one.versions),
                "missing": list(one.missing),
                "too_old": list(one.too_old),
                "install": "" if one.works else one.wants,
            }
            for one in installed_extras()
        },
        "codecs": _codecs(),
    }


def _model() -> dict[str, Any]:
    from genrekit.bundles import load_bundle

    try:
        bundle = load_bundle("default", verify=False)
    except GenreError as error:
        return {"name": None, "version": None, "sha256": None, "problem": str(error)}
    manifest = bundle.manifest
    return {"name": manifest.name, "version": manifest.version, "sha256": bundle.sha256}


def _codecs() -> dict[str, Any]:
    from genrekit.audio import AUDIO_SUFFIXES

    return {**_libraries(), "suffixes": sorted(AUDIO_SUFFIXES)}


def _libraries() -> dict[str, Any]:
    """Name the versions of what decodes; None for one that cannot be loaded."""
    found: dict[str, Any] = {"libsndfile": None, "ffmpeg": None}
    try:
        import soundfile

        found["libsndfile"] = soundfile.__libsndfile_version__
    except (ImportError, OSError):
        pass
    try:
        import av

        libraries = av.library_versions
        found["ffmpeg"] = {name: ".".join(map(str, one)) for name, one in libraries.items()}
    except (ImportError, OSError):
        pass
    return found
