"""What is published holds together: versions, changelog, recipe, workflows, the command itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from genrekit import __version__

REPOSITORY = Path(__file__).resolve().parents[1]
WORKFLOWS = REPOSITORY / ".github" / "workflows"
RECIPE = REPOSITORY / "packaging" / "conda" / "recipe.yaml"
METADATA = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
PROJECT = METADATA["project"]
CHANGELOG = (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
# How conda-forge calls what PyPI calls otherwise.
CONDA_NAMES = {"soundfile": "pysoundfile", "soxr": "soxr-python"}
# Keep a Changelog 1.1.0.
SECTIONS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]

pytestmark = pytest.mark.skipif(not WORKFLOWS.is_dir(), reason="not in this checkout")


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


# --- changelog ----------------------------------------------------------------------------------


def _releases() -> dict[str, str]:
    """Heading to what stands below it."""
    parts = re.split(r"(?m)^## (.+)$", CHANGELOG)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_changelog_has_a_section_for_what_is_not_released() -> None:
    first, *others = _releases()
    assert CHANGELOG.startswith("# Changelog\n")
    assert "keepachangelog.com" in CHANGELOG.split("## ", 1)[0]
    assert first == "[Unreleased]"
    assert [
        one for one in others if not re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", one)
    ] == []
    dates = [one.rpartition(" ")[2] for one in others]
    assert dates == sorted(dates, reverse=True)


@pytest.mark.parametrize(("release", "text"), _releases().items())
def test_every_release_says_what_was_added_changed_and_fixed(release: str, text: str) -> None:
    found = re.findall(r"(?m)^### (.+)$", text)
    assert found == [one for one in SECTIONS if one in found], release
    assert text.strip().startswith("### ")
    below = re.split(r"(?m)^#{3,4} .+$", text)[1:]
    headings = re.findall(r"(?m)^#{3,4} .+$", text)
    empty = [
        heading
        for heading, said, after in zip(headings, below, [*headings[1:], "### "], strict=True)
        if not said.strip() and not after.startswith("#### ")
    ]
    assert empty == []


# --- what is built ------------------------------------------------------------------------------


def test_the_version_is_written_in_one_place() -> None:
    assert PROJECT["dynamic"] == ["version"]
    assert METADATA["tool"]["hatch"]["version"]["path"] == "src/genrekit/__init__.py"
    assert _read(RECIPE)["context"]["version"] == __version__


def test_the_sdist_has_all_that_its_tests_read() -> None:
    listed = set(METADATA["tool"]["hatch"]["build"]["targets"]["sdist"]["include"])
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    ).stdout.splitlines()
    top = {name.split("/")[0] for name in tracked} - {".gitignore", ".ci", "pyproject.toml"}
    assert top - listed == set()


def test_the_wheel_holds_what_is_checked_for() -> None:
    packages = METADATA["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    checked = METADATA["tool"]["check-wheel-contents"]
    assert checked["package"] == packages
    assert checked["toplevel"] == [Path(one).name for one in packages]


def _pinned(requirement: str) -> tuple[str, SpecifierSet]:
    found = Requirement(requirement)
    return CONDA_NAMES.get(found.name, found.name), found.specifier


def test_the_conda_recipe_needs_what_the_package_needs() -> None:
    recipe = _read(RECIPE)
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert recipe["context"]["python_min"] == oldest
    python, *run = recipe["requirements"]["run"]
    assert python == "python >=${{ python_min }}"
    wanted = dict(map(_pinned, PROJECT["dependencies"]))
    split = (one.split(" ", 1) for one in run)
    assert {name: SpecifierSet(versions) for name, versions in split} == wanted
    assert recipe["build"]["python"]["entry_points"] == [
        f"{name} = {target}" for name, target in PROJECT["scripts"].items()
    ]
    assert recipe["build"]["noarch"] == "python"
    assert recipe["about"]["license"] == PROJECT["license"]
    assert {"hatchling"} == set(METADATA["build-system"]["requires"])
    assert "hatchling" in recipe["requirements"]["host"]


# --- workflows ----------------------------------------------------------------------------------


def _steps(name: str) -> list[dict[str, Any]]:
    jobs = _read(WORKFLOWS / name)["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


@pytest.mark.parametrize("name", [path.name for path in sorted(WORKFLOWS.glob("*.yaml"))])
def test_actions_are_named_by_their_commit_and_their_version(name: str) -> None:
    """A tag can be moved to other code, a commit cannot."""
    text = (WORKFLOWS / name).read_text("utf-8")
    used = re.findall(r"uses: (.+)", text)
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", one)] == []


def test_one_action_is_one_commit_everywhere() -> None:
    steps = [step for path in WORKFLOWS.glob("*.yaml") for step in _steps(path.name)]
    named = {step["uses"] for step in steps if "uses" in step}
    assert len(named) == len({one.partition("@")[0] for one in named})


def test_a_release_is_checked_signed_and_listed_before_it_is_published() -> None:
    jobs = _read(WORKFLOWS / "release.yaml")["jobs"]
    build = jobs["build"]
    done = [step.get("run", step.get("uses", "")) for step in build["steps"]]
    order = [
        next(n for n, step in enumerate(done) if word in step)
        for word in (
            *("-m build", "twine check --strict", "check-wheel-contents dist", "cyclonedx-py"),
            *("attest-build-provenance", "attest-sbom", "upload-artifact"),
        )
    ]
    assert order == sorted(order)
    assert build["permissions"] == {
        **{"contents": "read", "id-token": "write", "attestations": "write"}
    }
    assert set(jobs["pypi"]["needs"]) >= {"build", "alone"}
    promised = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert jobs["alone"]["strategy"]["matrix"]["python"] == promised


def test_the_notes_of_a_release_are_its_section_of_the_changelog(tmp_path: Path) -> None:
    script = next(s["run"] for s in _steps("release.yaml") if "notes.md" in s.get("run", ""))
    awk = script[: script.index("gh release")].replace("CHANGELOG.md", str(tmp_path / "log.md"))
    (tmp_path / "log.md").write_text(
        "# C\n\n## [Unreleased]\n- no\n\n## [1.2.0] - 2030-01-02\n### Added\n- yes\n\n"
        "## [1.2.0-old] - 2029-01-01\n- no\n"
    )
    environment = os.environ | {"GITHUB_REF_NAME": "v1.2.0"}
    subprocess.run(["bash", "-ec", awk], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "notes.md").read_text().split() == ["###", "Added", "-", "yes"]


# --- the command --------------------------------------------------------------------------------


def _completed(shell: str, **said: str) -> str:
    environment = os.environ | {"_GENREKIT_COMPLETE": f"complete_{shell}", **said}
    code = "import sys; from genrekit.cli import main; sys.argv[0] = 'genrekit'; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout


def test_commands_and_options_are_completed_in_every_shell() -> None:
    assert _completed("bash", COMP_WORDS="genrekit do", COMP_CWORD="1").split() == [
        *("download", "doctor")
    ]
    assert '"verify"' in _completed("zsh", _TYPER_COMPLETE_ARGS="genrekit models ver")
    fish = {
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": "genrekit predict --j",
    }
    assert "--json\t" in _completed("fish", **fish)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_of_completion_can_be_written_for_every_shell(shell: str) -> None:
    environment = os.environ | {"_GENREKIT_COMPLETE": f"source_{shell}"}
    code = "import sys; from genrekit.cli import main; sys.argv[0] = 'genrekit'; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert f"_GENREKIT_COMPLETE=complete_{shell}" in done.stdout
    page = (REPOSITORY / "docs" / "install.md").read_text("utf-8")
    assert f"_GENREKIT_COMPLETE=source_{shell} genrekit > " in page


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "genrekit", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"genrekit {__version__}\n"


def test_the_page_on_installing_names_every_extra() -> None:
    page = (REPOSITORY / "docs" / "install.md").read_text("utf-8")
    rows = "\n".join(line for line in page.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`(\w+)`", rows)) == set(PROJECT["optional-dependencies"]) - {
        *("test", "dev", "docs", "notebooks")
    }
