"""What is deployed, read as text: it holds together, and it names only what there is."""

from __future__ import annotations

import fnmatch
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from genrekit import __version__
from genrekit.serving import Settings, create_app
from genrekit.serving.metrics import Metrics

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOY = REPOSITORY / "deploy"
WORKFLOWS = REPOSITORY / ".github" / "workflows"
MANIFESTS = DEPLOY / "kubernetes"

pytestmark = pytest.mark.skipif(not DEPLOY.is_dir(), reason="deploy/ is not in this checkout")


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def _kind(kind: str) -> Any:
    found = [_read(path) for path in sorted(MANIFESTS.glob("*.yaml"))]
    return next(one for one in found if one["kind"] == kind)


def _stages() -> list[list[tuple[str, str]]]:
    """Instructions of each stage of the Dockerfile, continued lines joined."""
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip()]
    stages: list[list[tuple[str, str]]] = []
    for name, rest in lines:
        if name == "FROM":
            stages.append([])
        stages[-1].append((name, rest.strip()))
    return stages


def _all(stage: list[tuple[str, str]], name: str) -> list[str]:
    return [rest for instruction, rest in stage if instruction == name]


# --- image --------------------------------------------------------------------------------------


def test_the_image_has_two_stages_and_no_root() -> None:
    build, final = _stages()
    assert all(":" in line.split()[0] for stage in (build, final) for line in _all(stage, "FROM"))
    assert _all(final, "USER") == ["10001:10001"]
    names = [name for name, _ in final]
    assert names.index("USER") > max(n for n, name in enumerate(names) if name in ("RUN", "COPY"))
    assert json.loads(_all(final, "ENTRYPOINT")[0]) == ["genrekit"]
    assert json.loads(_all(final, "CMD")[0]) == ["serve"]
    assert "/health/live" in _all(final, "HEALTHCHECK")[0]
    json.loads(_all(final, "HEALTHCHECK")[0].split("CMD", 1)[1])
    assert all(line.startswith("--from=build ") for line in _all(final, "COPY"))


def test_the_image_has_no_compiler_and_builds_none() -> None:
    commands = " ".join(line for stage in _stages() for line in _all(stage, "RUN"))
    assert not re.search(r"\b(apt-get|apk|gcc|g\+\+|build-essential|curl|wget)\b", commands)
    installs = re.findall(r"pip install[^&]*", commands)
    assert installs
    assert all("--only-binary=:all:" in one for one in installs)


def _plain() -> Any:
    found = importlib.util.spec_from_file_location("plain", DEPLOY / "plain.py")
    assert found is not None
    assert found.loader is not None
    plain = importlib.util.module_from_spec(found)
    found.loader.exec_module(plain)
    return plain


def test_the_plain_build_stays_in_its_folder(tmp_path: Path) -> None:
    plain = _plain()
    build, _ = plain.stages()
    folder = tmp_path / "tmp"
    for command in (rest for name, rest in build if name == "RUN"):
        moved = plain.moved(command, folder)
        elsewhere = moved.replace(f"{folder}/", "").replace(sys.executable, "")
        assert f"{folder}/opt/genrekit" in moved
        assert not re.search(r"(?<!\w)/(?:opt|tmp)\b", elsewhere)
        assert " python " not in moved


def test_what_the_build_copies_is_there_and_not_ignored() -> None:
    rules = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    let_in = [rule[1:] for rule in rules if rule.startswith("!")]
    assert "*" in rules
    copied = [word for line in _all(_stages()[0], "COPY") for word in line.split()[:-1]]
    assert copied
    for name in copied:
        assert (REPOSITORY / name).exists()
        assert any(fnmatch.fnmatch(name, rule) for rule in let_in), name
    metadata = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    assert {metadata["readme"], *metadata["license-files"]} <= set(copied)


def test_every_setting_that_is_named_exists() -> None:
    found = (*DEPLOY.rglob("*"), *WORKFLOWS.iterdir())
    files = [path for path in found if path.is_file() and path.suffix != ".pyc"]
    named = {
        name
        for path in files
        for name in re.findall(r"GENREKIT_SERVE_([A-Z_]+)", path.read_text("utf-8"))
    }
    assert {"NO_KEYS", "KEY_HASHES", "HOST"} <= named
    assert {name.lower() for name in named} <= set(Settings.model_fields)


# --- compose ------------------------------------------------------------------------------------


def test_compose_mounts_what_is_there_and_opens_nothing_to_others() -> None:
    compose = _read(DEPLOY / "docker-compose.yaml")
    services = compose["services"]
    assert set(services) == {"genrekit", "prometheus", "grafana"}
    for service in services.values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert service["cap_drop"] == ["ALL"]
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            there = (DEPLOY / source).exists() if source[0] == "." else source in compose["volumes"]
            assert there, source
    server = services["genrekit"]
    assert server["read_only"]
    assert (DEPLOY / server["build"]["context"] / server["build"]["dockerfile"]).is_file()
    Settings(
        **{
            name.removeprefix("GENREKIT_SERVE_").lower(): value
            for name, value in server["environment"].items()
        }
    ).check_exposure()
    scraped = _read(DEPLOY / "prometheus" / "prometheus.yaml")
    [target] = scraped["scrape_configs"][0]["static_configs"][0]["targets"]
    assert target.split(":")[0] in server["environment"]["GENREKIT_SERVE_ALLOWED_HOSTS"].split(",")


def test_dashboard_and_alerts_ask_for_metrics_that_exist() -> None:
    metrics = Metrics()
    known = {
        sample.name
        for family in metrics.registry.collect()
        for sample in (*family.samples, *_possible(family))
    }
    dashboard = json.loads((DEPLOY / "grafana/dashboards/genrekit.json").read_text("utf-8"))
    rules = _read(DEPLOY / "prometheus" / "rules.yaml")["groups"][0]["rules"]
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [rule["expr"] for rule in rules]
    named = {name for expression in asked for name in re.findall(r"\bgenrekit_\w+", expression)}
    assert len(named) > 8
    assert named <= known
    source = _read(DEPLOY / "grafana/provisioning/datasources/prometheus.yaml")["datasources"][0]
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {source["uid"]}
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def _possible(family: Any) -> list[Any]:
    """Samples that a family with labels has once it is used."""
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    names = [family.name + ending for ending in endings.get(family.type, ("",))]
    return [type("Sample", (), {"name": name}) for name in names]


# --- Kubernetes ---------------------------------------------------------------------------------


def test_the_manifests_belong_together() -> None:
    listed = _read(MANIFESTS / "kustomization.yaml")
    there = {path.name for path in MANIFESTS.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(listed["resources"]) == there
    assert listed["images"][0]["newTag"] == __version__
    deployment, service = _kind("Deployment"), _kind("Service")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    for selector in (
        deployment["spec"]["selector"]["matchLabels"],
        service["spec"]["selector"],
        _kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        _kind("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector == labels
    target = _kind("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", deployment["metadata"]["name"])
    assert "replicas" not in deployment["spec"]  # the autoscaler's
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    [port] = container["ports"]
    assert service["spec"]["ports"][0]["targetPort"] == port["name"]
    policy = _kind("NetworkPolicy")["spec"]
    assert policy["ingress"][0]["ports"] == [{"protocol": "TCP", "port": port["containerPort"]}]
    assert policy["egress"] == []
    assert f"GENREKIT_SERVE_PORT={port['containerPort']}" in _all(_stages()[1], "ENV")[0]


def test_pods_are_probed_limited_and_without_rights() -> None:
    pod = _kind("Deployment")["spec"]["template"]["spec"]
    [container] = pod["containers"]
    routes = create_app(Settings()).openapi()["paths"]
    probes = {name: container[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}
    for probe in probes.values():
        assert probe["httpGet"]["path"] in routes
    assert probes["liveness"]["httpGet"] != probes["readiness"]["httpGet"]
    assert set(container["resources"]["requests"]) == set(container["resources"]["limits"])
    rights = container["securityContext"]
    assert rights["readOnlyRootFilesystem"]
    assert not rights["allowPrivilegeEscalation"]
    assert rights["capabilities"]["drop"] == ["ALL"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert f"{pod['securityContext']['runAsUser']}:" in _all(_stages()[1], "USER")[0]
    assert not pod["automountServiceAccountToken"]
    set_to = {one["name"]: one.get("value") for one in container["env"]}
    drain, grace = (float(set_to[f"GENREKIT_SERVE_{n}_SECONDS"]) for n in ("DRAIN", "GRACE"))
    assert pod["terminationGracePeriodSeconds"] > drain + grace
    # Longer than it takes until no more requests are sent here.
    ready = probes["readiness"]
    assert drain >= ready["periodSeconds"] * ready["failureThreshold"]


# --- workflows ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ci.yaml", "pages.yaml", "release.yaml"])
def test_workflows_are_whole_and_ask_for_few_rights(name: str) -> None:
    workflow = _read(WORKFLOWS / name)
    assert workflow[True]  # what YAML 1.1 makes of "on"
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        needs = job.get("needs", [])
        assert ({needs} if isinstance(needs, str) else set(needs)) <= set(workflow["jobs"])
        assert job["runs-on"]
        assert job["timeout-minutes"] <= 60
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step)
            assert "@" in step.get("uses", "@")
            # What people write elsewhere must not become part of a script.
            assert "github.event" not in step.get("run", "")


def test_workflows_and_compose_fit_their_schemas() -> None:
    for schema, files in (
        ("vendor.github-workflows", sorted(WORKFLOWS.glob("*.yaml"))),
        ("vendor.compose-spec", [DEPLOY / "docker-compose.yaml"]),
    ):
        check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema]
        command = [*check, *map(str, files)]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stdout + found.stderr


def _workflows() -> list[tuple[str, str, Any]]:
    """Each job of each workflow."""
    return [
        (path.name, name, job)
        for path in sorted(WORKFLOWS.glob("*.yaml"))
        for name, job in _read(path)["jobs"].items()
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="the shell of the workflows is bash")
@pytest.mark.parametrize(("file", "name", "job"), _workflows())
def test_scripts_of_workflows_are_shell_and_end_at_the_first_failure(
    file: str, name: str, job: Any
) -> None:
    for step in job["steps"]:
        script = re.sub(r"\$\{\{[^}]*\}\}", "value", step.get("run", ""))
        found = subprocess.run(
            ["bash", "-n"], input=script, capture_output=True, text=True, check=False
        )
        assert found.returncode == 0, f"{file}, {name}: {found.stderr}"


# What an expression may begin with, by where it comes from; what is not known is empty there.
_CONTEXTS = {
    "github": {"actor", "ref", "ref_name", "repository", "token", "workflow"},
    "secrets": {"GITHUB_TOKEN"},
}
_CONTEXTS["vars"] = {"REGISTRY"}
# Made by a step of the same job that has this name.
_OUTPUTS = {"push": {"digest"}}


@pytest.mark.parametrize(("file", "name", "job"), _workflows())
def test_expressions_of_workflows_name_what_there_is(file: str, name: str, job: Any) -> None:
    matrix = set(job.get("strategy", {}).get("matrix", {}))
    known = _CONTEXTS | {"matrix": matrix}
    for context, field in re.findall(r"\$\{\{\s*(\w+)\.(\w+)\s*\}\}", json.dumps(job)):
        assert field in known.get(context, ()), f"{file}, {name}: {context}.{field}"
    ids = {step.get("id") for step in job["steps"]}
    outputs = re.findall(r"\$\{\{\s*steps\.(\w+)\.outputs\.(\w+)\s*\}\}", json.dumps(job))
    for step, output in outputs:
        assert step in ids, f"{file}, {name}: {step}"
        assert output in _OUTPUTS[step], f"{file}, {name}: {step}.outputs.{output}"
    # What is not closed, or calls something, is not in the list above and wants a look.
    simple = re.findall(r"\$\{\{\s*\w+\.\w+\s*\}\}", json.dumps(job))
    assert json.dumps(job).count("${{") == len(simple) + len(outputs)


def test_what_one_job_takes_another_has_made() -> None:
    for path in sorted(WORKFLOWS.glob("*.yaml")):
        made: set[str] = set()
        for job in _read(path)["jobs"].values():
            for step in job["steps"]:
                action = step.get("uses", "").partition("@")[0]
                if action == "actions/download-artifact":
                    assert step["with"]["name"] in made
                if action == "actions/upload-artifact":
                    made.add(step["with"]["name"])


def test_the_plain_build_measures_all_that_the_image_copies(tmp_path: Path) -> None:
    plain = _plain()
    copied = _all(_stages()[1], "COPY")
    places = plain.copied_to_final(tmp_path)
    assert len(places) == len(copied)
    assert {str(place) for place in places} == {f"{tmp_path}{line.split()[1]}" for line in copied}
    assert plain.BASE_MB > 0


def test_ci_tests_the_versions_that_are_promised() -> None:
    jobs = _read(WORKFLOWS / "ci.yaml")["jobs"]
    assert {"lint", "test", "minimal", "image"} <= set(jobs)
    matrix = jobs["test"]["strategy"]["matrix"]
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    promised = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    # The newest is promised for what users install; not all of what tests need is there for it.
    assert matrix["python"] == promised[:-1]
    assert jobs["minimal"]["strategy"]["matrix"]["python"] == [promised[0], promised[-1]]
    assert {system.split("-")[0] for system in matrix["os"]} == {"ubuntu", "macos", "windows"}
    files = re.findall(r"tests/\S+\.py", json.dumps(jobs))
    assert files
    assert all((REPOSITORY / file).is_file() for file in files)
