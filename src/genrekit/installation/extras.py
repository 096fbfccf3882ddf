"""Which extras are there, told from what lies on the disk."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec

from genrekit.extras import EXTRAS
from genrekit.installation.check import Check, State

#: What each is for, to be said where it is missing.
_FOR: Mapping[str, str] = {
    "train": "train, tune and evaluate models, and write reports of tables",
    "tag": "read tags a second time with another library",
    "hub": "use backbones of the Hugging Face hub",
    "edge": "export models for browsers and phones",
    "serve": "answer over HTTP and WebSocket, with a web page",
    "report": "draw figures in reports",
    "explorer": "look at results in a browser",
    "tracking": "log training to MLflow",
    "batch": "write Parquet and read object storage",
    "ray": "run batches on a cluster",
    "spark": "run batches on a Spark session",
    "explain": "compute SHAP values of any model",
}
_DECLARED = re.compile(r"^([\w.-]+)(?:\[[^\]]*\])?\s*([^;]*);.*extra == ['\"]([\w-]+)['\"]")


@dataclass(frozen=True, slots=True)
class Extra:
    """An extra, and what of it is there.

    Attributes
    ----------
    name : str
    versions : mapping of str to str
        Of distributions that are there; empty where no version is known.
    missing : tuple of str
        Distributions that are not there.
    too_old : tuple of str
        Those of another version than is wanted, such as ``"onnx 1.15 (>=1.17 is wanted)"``.
    """

    name: str
    versions: Mapping[str, str]
    missing: tuple[str, ...]
    too_old: tuple[str, ...]

    @property
    def works(self) -> bool:
        """Whether all of it is there."""
        return not self.missing and not self.too_old

    @property
    def wants(self) -> str:
        """How to install it."""
        return f"pip install 'genrekit[{self.name}]'"


def installed_extras() -> tuple[Extra, ...]:
    """Look for every extra without importing anything of it."""
    wanted = _wanted_versions()
    return tuple(_check(name, modules, wanted) for name, modules in EXTRAS.items())


def check_extras() -> Iterator[Check]:
    """Say of every extra whether it works, and what to install for what."""
    for one in installed_extras():
        if one.works:
            seen = ", ".join(f"{name} {number}".strip() for name, number in one.versions.items())
            yield Check("extras", one.name, "ok", seen)
        elif not one.versions:
            yield Check("extras", one.name, "absent", "not installed", _advice(one))
        else:
            lacks = [*(f"no {name}" for name in one.missing), *one.too_old]
            # One that shares a package with another extra was never asked for.
            asked = bool(one.too_old) or len(one.versions) > len(one.missing)
            state: State = "warning" if asked else "absent"
            yield Check("extras", one.name, state, ", ".join(lacks), _advice(one))


def _advice(one: Extra) -> str:
    return f"to {_FOR[one.name]}: {one.wants}"


def _check(name: str, modules: Mapping[str, str], wanted: Mapping[tuple[str, str], str]) -> Extra:
    versions, missing, too_old = {}, [], []
    for distribution, module in modules.items():
        if not is_there(module):
            missing.append(distribution)
            continue
        found = versions[distribution] = version_of(distribution)
        asked = wanted.get((name, distribution), "")
        if found and not _fits(found, asked):
            too_old.append(f"{distribution} {found} ({asked} is wanted)")
    return Extra(name, versions, tuple(missing), tuple(too_old))


def is_there(module: str) -> bool:
    """Return whether a module can be found; a name that is broken on the way counts as missing."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def version_of(distribution: str) -> str:
    """Return the version of a distribution; empty where none is recorded."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _wanted_versions() -> dict[tuple[str, str], str]:
    """Read what genrekit declares, by extra and distribution; empty out of an archive."""
    try:
        declared = requires("genrekit") or []
    except PackageNotFoundError:
        return {}
    found = filter(None, map(_DECLARED.match, declared))
    return {(one[3], one[1].lower()): one[2].strip() for one in found}


def _fits(found: str, asked: str) -> bool:
    """Compare the numbers of two versions, as far as they go."""
    for bound, number in re.findall(r"([<>]=?)\s*([\d.]+)", asked):
        ours, theirs = _numbers(found), _numbers(number)
        length = max(len(ours), len(theirs))
        left, right = (one + (0,) * (length - len(one)) for one in (ours, theirs))
        if not {
            ">=": left >= right,
            ">": left > right,
            "<": left < right,
            "<=": left <= right,
        }[bound]:
            return False
    return True


def _numbers(text: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(map(int, found[0].split("."))) if found else ()
