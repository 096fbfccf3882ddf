"""The files of the page without a browser: what is taken out, what is kept, and what is named."""

from __future__ import annotations

import json
import re
import struct
import zlib
from pathlib import Path

import pytest

from genrekit.edge.icons import icon_png
from genrekit.edge.page import offline_page
from genrekit.edge.web import SHARED
from genrekit.files import shipped

SERVED = shipped("genrekit.serving", "static")
OWN = shipped("genrekit.edge", "static")
PAGE = (SERVED / "index.html").read_text(encoding="utf-8")


def test_what_needs_a_server_is_gone_and_the_rest_is_as_it_was() -> None:
    page = offline_page(PAGE)
    for gone in ("tab-live", "panel-live", "tab-piles", "panel-piles", "key-dialog", "/api/"):
        assert gone not in page
    assert "data-server" not in page
    assert "data-offline" not in page
    assert "Audio never leaves this device." in page
    for kept in ("tab-track", "panel-batch", "panel-model", 'id="dial"', 'id="river"', "noscript"):
        assert kept in page
    assert page.count("<section") == page.count("</section>")
    assert page.count("<div") == page.count("</div>")
    assert "&" not in re.sub(r"&(quot|amp|lt|gt|#x27);", "", page)


def test_the_policy_allows_the_pages_own_files_alone() -> None:
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', offline_page(PAGE))
    assert "default-src &#x27;none&#x27;" in policy or "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy.replace("wasm-unsafe-eval", "")
    assert "http" not in policy


def test_elements_inside_of_what_goes_do_not_end_it() -> None:
    page = (
        '<p><a data-server href="x"><a>b</a><br>c</a>d</p><i data-offline="e &lt; f"><b>g</b></i>'
    )
    assert offline_page(page) == "<p>d</p><i>e &lt; f</i>"


def _scripts() -> dict[str, str]:
    shared = {name: (SERVED / name).read_text("utf-8") for name in SHARED if name.endswith(".js")}
    return shared | {path.name: path.read_text("utf-8") for path in OWN.glob("*.js")}


def test_every_script_finds_what_it_imports() -> None:
    scripts = _scripts() | {"ort.js": "export const env, InferenceSession, Tensor"}
    for name, text in scripts.items():
        for wanted, module in re.findall(r'import \{([^}]+)\} from "\./([^"]+)"', text):
            there = scripts[module]
            for one in (part.strip() for part in wanted.split(",")):
                found = rf"export (?:async )?(?:function|const|class) {one}\b|as {one}\b"
                assert re.search(found, there), (name, module, one)


@pytest.mark.parametrize("path", sorted(OWN.iterdir()), ids=lambda path: path.name)
def test_scripts_are_strict_and_name_no_other_host(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.findall(r"innerHTML|outerHTML|document\.write|\beval\(|https?://", text)


@pytest.mark.parametrize("maskable", [False, True])
def test_icons_are_pictures_of_their_size(maskable: bool) -> None:
    png = icon_png(64, maskable=maskable)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", png[16:24]) == (64, 64)
    rows = zlib.decompress(png[41 : png.index(b"IEND") - 8])
    corner, middle = rows[1:5], rows[32 * 257 + 1 + 4 * 32 :][:4]
    assert corner[3] == (255 if maskable else 0)
    assert tuple(middle) == (240, 180, 41, 255)


def test_no_file_of_the_servers_page_is_written_twice() -> None:
    own = {path.name for path in OWN.iterdir()}
    assert own & set(SHARED) == set()
    assert json.loads(json.dumps(sorted(SHARED))) == sorted(set(SHARED))
