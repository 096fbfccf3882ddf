"""What computes: Python, what the core is made of, processors of any kind, FFmpeg."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from genrekit.installation.check import Check
from genrekit.installation.extras import version_of
from genrekit.workers import cores

#: Distribution to module of what genrekit cannot do without; tests hold it to what is declared.
CORE = {
    "numpy": "numpy",
    "scipy": "scipy",
    "soundfile": "soundfile",
    "soxr": "soxr",
    "av": "av",
    "onnxruntime": "onnxruntime",
    "pydantic": "pydantic",
    "typer": "typer",
    "rich": "rich",
    "pyyaml": "yaml",
    "platformdirs": "platformdirs",
}
_TIMEOUT_SECONDS = 20


def check_core() -> Iterator[Check]:
    """Import what genrekit cannot do without, and load the model that comes with it."""
    seen = f"{platform.python_version()} ({platform.python_implementation()}, {sys.executable})"
    yield Check("core", "python", "ok", seen)
    for distribution, module in CORE.items():
        yield _check_import(distribution, module)
    yield _check_model()


def _check_import(distribution: str, module: str) -> Check:
    try:
        import_module(module)
    except Exception as error:  # noqa: BLE001 -- a library may fail in any way when it is loaded
        seen = f"{type(error).__name__}: {error}"
        advice = f"pip install --force-reinstall {distribution}"
        return Check("core", distribution, "broken", seen, advice)
    return Check("core", distribution, "ok", version_of(distribution) or "there")


def _check_model() -> Check:
    """Load the model in the package, which predicts its golden clip again."""
    try:
        from genrekit.bundles import load_bundle

        bundle = load_bundle("default")
    except Exception as error:  # noqa: BLE001 -- whatever it is, nothing can be predicted
        advice = "install genrekit again, or name another model with -m"
        return Check("core", "model", "broken", f"{type(error).__name__}: {error}", advice)
    named = f"{bundle.manifest.name} {bundle.manifest.version}"
    return Check("core", "model", "ok", f"{named} {bundle.sha256[:12]} predicts its golden clip")


def check_processors() -> Iterator[Check]:
    """Say what may compute: cores, ONNX Runtime's providers, and a GPU for training."""
    yield Check("machine", "cores", "ok", f"{cores()} of {os.cpu_count()} may be used")
    yield _check_providers()
    yield _check_gpu()
    yield _check_ffmpeg()


def _check_providers() -> Check:
    try:
        import onnxruntime

        there = onnxruntime.get_available_providers()
    except Exception as error:  # noqa: BLE001 -- named among the core, too
        return Check("machine", "onnx providers", "broken", str(error))
    return Check(
        "machine",
        "onnx providers",
        "ok" if "CPUExecutionProvider" in there else "broken",
        f"{', '.join(there)}; genrekit predicts on CPUExecutionProvider, the same everywhere",
    )


def _check_gpu() -> Check:
    """Ask the driver and look at torch's files; torch itself is not imported."""
    gpu, cuda = _driver_message(), _torch_has_cuda()
    if gpu and cuda is False:
        advice = "for training on the GPU install a build of torch with CUDA: see pytorch.org"
        return Check("machine", "gpu", "warning", f"{gpu}; torch is built without CUDA", advice)
    if gpu:
        return Check("machine", "gpu", "ok", gpu if cuda else f"{gpu}; torch is not installed")
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return Check("machine", "gpu", "ok", "Apple silicon; training uses the processor")
    return Check("machine", "gpu", "absent", "none; none is needed, training a network is slower")


def _driver_message() -> str:
    """Name the GPUs that NVIDIA's driver knows; empty without it."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ""
    asked = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        output = subprocess.run(
            asked, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return "; ".join(output.stdout.strip().splitlines())


def _torch_has_cuda() -> bool | None:
    """Look for the library of CUDA beside torch; None without torch."""
    spec = find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        return None
    libraries = Path(spec.submodule_search_locations[0]) / "lib"
    return any(libraries.glob("*torch_cuda*")) or any(libraries.glob("*torch_hip*"))


def _check_ffmpeg() -> Check:
    tool = shutil.which("ffmpeg")
    if tool is None:
        return Check("machine", "ffmpeg", "absent", "no command; none is needed, PyAV has its own")
    try:
        output = subprocess.run(
            [tool, "-version"], capture_output=True, text=True, timeout=_TIMEOUT_SECONDS
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return Check("machine", "ffmpeg", "absent", f"{tool}: {error}; none is needed")
    first = output.partition(" Copyright")[0].strip() or "says nothing"
    return Check("machine", "ffmpeg", "ok", f"{first}; not used, PyAV has its own")
