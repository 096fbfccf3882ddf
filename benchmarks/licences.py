"""Write docs/licences.md: the licence of everything that an installation brings, and what follows.

Which packages those are, pip says (25.1 or newer); what wheels bundle is looked up in the wheels
that are installed here.

    python benchmarks/licences.py
    python benchmarks/licences.py --report report.json   # of pip install --dry-run --report
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "licences.md"
SELF = "genrekit"
# Of shared libraries in wheels, by the beginning of their names; an unknown one ends the program.
LIBRARIES = {
    "libSvtAv1Enc": "BSD-3-Clause-Clear",
    "libXau": "MIT",
    "libasound": "LGPL-2.1-or-later",
    "libav": "",  # what it says of itself
    "libsw": "",
    "libdav1d": "BSD-2-Clause",
    "libdrm": "MIT",
    "libgmp": "LGPL-3.0-or-later OR GPL-2.0-or-later",
    "libgnutls": "LGPL-2.1-or-later",
    "libhogweed": "LGPL-3.0-or-later OR GPL-2.0-or-later",
    "libnettle": "LGPL-3.0-or-later OR GPL-2.0-or-later",
    "libmp3lame": "LGPL-2.0-or-later",
    "libopencore-amr": "Apache-2.0",
    "libopus": "BSD-3-Clause",
    "libsharpyuv": "BSD-3-Clause",
    "libwebp": "BSD-3-Clause",
    "libunistring": "LGPL-3.0-or-later OR GPL-2.0-or-later",
    "libvpl": "MIT",
    "libvpx": "BSD-3-Clause",
    "libx264": "GPL-2.0-or-later",
    "libx265": "GPL-2.0-or-later",
    "libxcb": "MIT",
    "libsndfile": "LGPL-2.1-or-later",
    "libgfortran": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libquadmath": "LGPL-2.1-or-later",
    "libscipy_openblas": "BSD-3-Clause",
}
# Linked into the extension itself, so that no file tells.
LINKED = {"soxr": {"libsoxr": "LGPL-2.1-or-later", "PFFFT": "BSD-like (FFTPACK)"}}
WHEELS = ("av", "soxr", "soundfile", "numpy", "scipy", "onnxruntime")
COPYLEFT = re.compile(r"\b(L?GPL|MPL|Mozilla|General Public)", re.IGNORECASE)


class Resolved:
    """What pip would install for everything, and what asks for what."""

    def __init__(self, report: dict[str, Any]) -> None:
        metadata = [one["metadata"] for one in report["install"]]
        self.packages: dict[str, Any] = {canonicalize_name(one["name"]): one for one in metadata}

    def closure(self, extra: str = "") -> set[str]:
        """The packages that come with an extra, or without one."""
        found: set[str] = set()
        waiting = [(SELF, extra)]
        seen = set()
        while waiting:
            name, asked = waiting.pop()
            if (name, asked) in seen or name not in self.packages:
                continue
            seen.add((name, asked))
            found.add(name)
            for line in self.packages[name].get("requires_dist", ()):
                needed = Requirement(line)
                if _applies(needed, asked):
                    extras = needed.extras or {""}
                    waiting += [(canonicalize_name(needed.name), one) for one in {"", *extras}]
        return found - {SELF}

    def row(self, name: str) -> str:
        """One line of a table."""
        one = self.packages[name]
        licence = _licence(one)
        shown = f"**{licence}**" if COPYLEFT.search(licence) else licence
        return f"| {one['name']} | {one['version']} | {shown} |"


def _applies(needed: Requirement, extra: str) -> bool:
    return needed.marker is None or needed.marker.evaluate({"extra": extra})


def _licence(one: dict[str, Any]) -> str:
    """By its expression, else in a word of its own, else as it classifies itself."""
    if expression := one.get("license_expression"):
        return str(expression)
    named = " ".join((one.get("license") or "").split())
    if named and len(named) < 40:
        return named
    classes = [c for c in one.get("classifier", ()) if c.startswith("License ::")]
    if classes:
        return ", ".join(c.rsplit(" :: ", 1)[-1] for c in classes)
    return f"see its {one['license_file'][0]}" if one.get("license_file") else "not stated"


def resolve() -> dict[str, Any]:
    """Ask pip; nothing is installed."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    asked = [*command, "--report", "-", "-e", f"{REPOSITORY}[dev]"]
    found = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    report: dict[str, Any] = json.loads(found)
    if not any("license_expression" in one["metadata"] for one in report["install"]):
        raise SystemExit("this pip reports no licences; upgrade it to 25.1 or newer")
    return report


# --- what wheels bundle ---------------------------------------------------------------------------


def bundled(wheel: str) -> list[tuple[str, str]]:
    """Libraries in a wheel, and their licences.

    Raises
    ------
    SystemExit
        If one is not known here.
    """
    distribution = importlib.metadata.distribution(wheel)
    files = [file for file in distribution.files or () if re.search(r"\.(so|dylib|dll)", file.name)]
    shared = [f for f in files if f.parts[0].endswith((".libs", ".dylibs", "_data"))]
    names = sorted({re.split(r"_?-[0-9a-f]{8}|_x86|_arm|\.", f.name)[0] for f in shared})
    found = [(name, _library_licence(name)) for name in names]
    found += LINKED.get(wheel, {}).items()
    notes = [f for f in distribution.files or () if f.name == "license_notes.md"]
    for file in notes:
        text = Path(str(file.locate())).read_text(encoding="utf-8")
        found += re.findall(r"^## (.+?)\n.*?^License: (.+?)$", text, re.MULTILINE | re.DOTALL)
    return found


def _library_licence(name: str) -> str:
    for beginning, licence in sorted(LIBRARIES.items(), reverse=True):
        if name.startswith(beginning):
            return licence or _ffmpeg_licence()
    raise SystemExit(f"no licence is known of {name}: look it up, and add it to LIBRARIES")


def _ffmpeg_licence() -> str:
    from av._core import library_meta

    return f"{library_meta['libavcodec']['license']}, as it says of itself"


# --- the page -------------------------------------------------------------------------------------

HEAD = """# Licences

genrekit is under the [MIT licence](../LICENSE). It is none of the packages below, and contains no
code of theirs; `pip` fetches each from its authors. Copyleft licences are in bold.

Written by `python benchmarks/licences.py`, as pip resolved them with Python {python} on {system}.

## What that means

- **You use genrekit, at home or in a company.** Nothing to do: none of these licences limits use,
  and answers of a model are under none of them.
- **You serve it to others over a network.** Nothing to do: none of them is the AGPL.
- **Your program depends on genrekit, and its users install it with pip.** Your own code may be
  under any licence.
- **You pass on an installation: an image, an installer, a device.** Then you distribute what the
  wheels bundle, too. PyAV's holds FFmpeg, which is linked to {gpl}, under the GPL: its terms hold
  for that copy of FFmpeg as a whole, so pass on the licence texts, and offer the sources of exactly
  those libraries. The other libraries in bold are under the LGPL or like it, libsoxr and libsndfile
  among them: pass on the texts and the sources, and let users exchange the libraries. Who cannot,
  builds PyAV against an FFmpeg of their own without {gpl} (`pip install --no-binary av av`);
  genrekit only decodes audio and never calls them.
- **You want the extra `tag`.** It brings mutagen, under the GPL from version 2 on. A program that
  is passed on together with it must be under terms that fit; that is why nothing else needs it.
- **Data and weights** have licences of their own: `genrekit datasets`, `genrekit backbones` and the
  card of each model name them.

This is what the packages say, read by engineers; it is not advice by a lawyer.
"""


def page(report: dict[str, Any]) -> str:
    """The whole page, as Markdown."""
    resolved = Resolved(report)
    environment = report["environment"]
    wheels = {wheel: bundled(wheel) for wheel in WHEELS}
    gpl = [name for name, licence in wheels["av"] if licence.startswith("GPL")]
    lines = [
        HEAD.format(
            python=environment["python_version"],
            system=f"{environment['platform_system']} {environment['platform_machine']}",
            gpl=" and ".join(gpl),
        )
    ]
    core = resolved.closure()
    lines += ["## Always\n", *_table(resolved, core)]
    metadata = resolved.packages[SELF]
    for extra in metadata["provides_extra"]:
        more = resolved.closure(extra) - core
        if extra not in ("test", "dev"):
            lines += [f"## With `[{extra}]`\n", *_table(resolved, more)]
    shown = set().union(*(resolved.closure(e) for e in metadata["provides_extra"] if e != "dev"))
    tools = resolved.closure("dev") - (shown - resolved.closure("test")) - core
    lines += ["## For tests and benchmarks only\n", *_table(resolved, tools)]
    lines += ["## What wheels of the core bundle\n"]
    lines += ["| wheel | library | licence |", "|---|---|---|"]
    for wheel, libraries in wheels.items():
        version = importlib.metadata.version(wheel)
        for name, licence in libraries or [("nothing that is a file of its own", "")]:
            shown_licence = f"**{licence}**" if COPYLEFT.search(licence) else licence
            lines.append(f"| {wheel} {version} | {name} | {shown_licence} |")
    return "\n".join(lines) + "\n"


def _table(resolved: Resolved, names: set[str]) -> list[str]:
    rows = [resolved.row(name) for name in sorted(names)]
    return ["| package | version | licence |", "|---|---|---|", *rows, ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, help="what pip said, if it was asked before")
    given: Path | None = parser.parse_args().report
    report = json.loads(given.read_text(encoding="utf-8")) if given else resolve()
    PAGE.write_text(page(report), encoding="utf-8")


if __name__ == "__main__":
    main()
