"""Names whose library is not installed say which extra brings it, in Python as in a shell."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import genrekit
from genrekit.errors import MissingExtraError
from genrekit.extras import EXTRAS, missing_extra

ROOMS = sorted(path.parent.name for path in Path(genrekit.__file__).parent.glob("*/__init__.py"))
#: Asks every door for every name, where nothing of any extra can be imported.
ASK = """
import json, sys
from importlib import import_module

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

absent, rooms = json.loads(sys.argv[1])
sys.meta_path.insert(0, Absent())
answers = {}
for room in rooms:
    package = import_module(room)
    for name in getattr(package, "__all__", ()):
        try:
            getattr(package, name)
        except Exception as error:
            answers[f"{room}.{name}"] = [type(error).__name__, str(error)]
print(json.dumps(answers))
"""


def test_every_name_without_its_library_says_what_to_install() -> None:
    absent = sorted({module for brought in EXTRAS.values() for module in brought.values()})
    rooms = ["genrekit", *(f"genrekit.{room}" for room in ROOMS)]
    asked = [sys.executable, "-c", ASK, json.dumps([absent, rooms])]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    answers = json.loads(done.stdout)
    assert {kind for kind, _ in answers.values()} == {"MissingExtraError"}
    wanted = {
        "genrekit.train": "scikit-learn is not installed; run: pip install 'genrekit[train]'",
        "genrekit.serving.serve": "is not installed; run: pip install 'genrekit[serve]'",
        "genrekit.edge.export_edge": "onnx is not installed; run: pip install 'genrekit[edge]'",
    }
    for name, text in wanted.items():
        assert answers[name][1].endswith(text)
    assert "genrekit.Classifier" not in answers


def test_who_can_do_without_a_library_may_ask_as_python_does() -> None:
    found = missing_extra(ModuleNotFoundError("none", name="sklearn.base"))
    assert isinstance(found, ImportError)
    assert (found.package, found.extra) == ("scikit-learn", "train")
    assert missing_extra(MissingExtraError("onnx", "edge")).extra == "edge"  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["genrekit.nothing", "nothing", None])
def test_another_module_that_is_missing_is_a_fault_of_ours(name: str | None) -> None:
    assert missing_extra(ModuleNotFoundError("none", name=name)) is None
