"""The Dockerfile, compose.yaml and the Kubernetes manifests: that they agree, and with the code.

Whether they can be linted, built and run is deploy/check.sh's to find out.
"""

from __future__ import annotations

import configparser
import fnmatch
import json
import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from movie_assets.cli import app
from movie_assets.serving.api import ServingSettings, create_app
from movie_assets.settings import Settings, load_settings

ROOT = Path(__file__).parents[3]
BASE = ROOT / "deploy/kubernetes/base"
EXAMPLE = ROOT / "deploy/kubernetes/example"
SERVICES = ("code", "webserver", "daemon", "api")
#: Where the code server listens is all that differs between compose and Kubernetes.
LISTENING = re.compile(r"--host[= ]\S+")
#: These settings are the image's, or no container's by default.
NOT_PASSED = {
    "API_KEY": "another name of TMDB_API_KEY",
    "MOVIE_ASSETS_HOME": "the image's",
    "MOVIE_API_HOST": "the image's command has it",
    "MOVIE_API_PORT": "the image's command has it",
    "MOVIELENS_DIR": "needs a folder mounted: docs/deploy.md",
    "MOVIE_ASSETS_RAY_ADDRESS": "needs an image with Ray: docs/cluster.md",
}


@cache
def dockerfile() -> dict[str, list[str]]:
    """The arguments of each instruction of the final stage, by its name."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, _, arguments = line.partition(" ")
        if name == "FROM":
            found = {"ARG": found.get("ARG", [])}
        if name.isupper():
            found.setdefault(name, []).append(arguments.strip())
    return found


def image_environment() -> dict[str, str]:
    pairs = (word.partition("=") for line in dockerfile()["ENV"] for word in shlex.split(line))
    return {name: value for name, _, value in pairs}


@cache
def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return content


def passed_on(service: str) -> set[str]:
    """The settings that compose.yaml hands to a service from outside."""
    environment = compose()["services"][service].get("environment", [])
    return set(environment) if isinstance(environment, list) else set()


def manifests(kind: str) -> dict[str, dict[str, Any]]:
    files = [*BASE.glob("*.yaml"), *EXAMPLE.glob("*.yaml")]
    found = [document for file in files for document in yaml.safe_load_all(file.read_text())]
    return {each["metadata"]["name"]: each for each in found if each["kind"] == kind}


def pod(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = manifests("Deployment")[name]["spec"]["template"]["spec"]
    return spec


def containers() -> dict[str, dict[str, Any]]:
    """All containers of both pods, by their names."""
    pods = pod("movie-assets-pipeline"), pod("movie-assets-api")
    return {
        each["name"]: each
        for spec in pods
        for each in [*spec.get("initContainers", ()), *spec["containers"]]
    }


def settings() -> set[str]:
    """Every variable that Settings reads."""
    found: set[str] = set()
    for field in Settings.model_fields.values():
        alias = field.validation_alias
        found |= {alias} if isinstance(alias, str) else set(alias.choices)  # type: ignore[union-attr]
    return found


def version() -> str:
    configuration = configparser.ConfigParser()
    configuration.read(ROOT / "setup.cfg")
    return configuration["metadata"]["version"]


@pytest.mark.parametrize(
    "file",
    sorted([ROOT / "compose.yaml", *ROOT.glob("deploy/**/*.yaml")]),
    ids=lambda file: str(file.relative_to(ROOT)),
)
def test_each_file_is_yaml(file: Path) -> None:
    assert all(isinstance(each, dict) for each in yaml.safe_load_all(file.read_text()))


def test_every_setting_reaches_the_service_that_reads_it() -> None:
    of_the_api = {name for name in settings() if name.startswith("MOVIE_API_")}
    assert passed_on("api") == of_the_api - NOT_PASSED.keys()
    assert passed_on("code") == settings() - of_the_api - NOT_PASSED.keys()


def test_only_settings_are_named() -> None:
    named = passed_on("api") | passed_on("code") | {"MOVIE_ASSETS_HOME"}
    for file in EXAMPLE.glob("*.env.example"):
        lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
        assert all(line.endswith("=") for line in lines), "an example has no secret"
        named |= {line.removesuffix("=") for line in lines}
    assert named <= settings()
    assert "MOVIE_ASSETS_HOME" in image_environment()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_no_right_that_it_does_not_need(service: str) -> None:
    of_compose = compose()["services"][service]
    assert of_compose["read_only"] is True
    assert of_compose["cap_drop"] == ["ALL"]
    assert of_compose["security_opt"] == ["no-new-privileges:true"]
    assert not of_compose.get("privileged")
    assert set(of_compose["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    of_kubernetes = containers()[service]
    assert of_kubernetes["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "memory" in of_kubernetes["resources"]["limits"]


@pytest.mark.parametrize("name", ["movie-assets-pipeline", "movie-assets-api"])
def test_a_pod_runs_as_the_images_user(name: str) -> None:
    user, group = (int(number) for number in dockerfile()["USER"][-1].split(":"))
    security = pod(name)["securityContext"]
    assert user > 0
    assert (security["runAsUser"], security["runAsGroup"], security["fsGroup"]) == (
        user,
        group,
        group,
    )
    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    # Else Kubernetes adds variables such as MOVIE_ASSETS_API_PORT.
    assert pod(name)["enableServiceLinks"] is False
    assert pod(name)["automountServiceAccountToken"] is False


@pytest.mark.parametrize("service", SERVICES)
def test_compose_and_kubernetes_run_the_same(service: str) -> None:
    of_compose = compose()["services"][service].get("command")
    of_kubernetes = containers()[service].get("command")
    if service == "api":
        assert of_compose is of_kubernetes is None, "the image's own command"
    elif service == "code":
        build, _, serve = of_compose[2].replace("$$", "$").partition(" && exec ")
        assert build.strip("{ };") == containers()["build"]["command"][2]
        words = " ".join(of_kubernetes).replace("=", " ")
        assert LISTENING.sub("", words).split() == LISTENING.sub("", serve).split()
    else:
        assert of_compose == of_kubernetes


def test_the_images_command_is_one_of_the_command_line() -> None:
    command = json.loads(dockerfile()["CMD"][-1])
    assert command[0] == "movie-assets"
    serve = typer.main.get_command(app).commands[command[1]]  # type: ignore[attr-defined]
    chosen = serve.make_context(command[1], command[2:]).params
    assert chosen["host"] == "0.0.0.0"
    assert chosen["wait"] is True
    assert f":{chosen['port']}/health" in dockerfile()["HEALTHCHECK"][-1]


def test_ports_are_the_images() -> None:
    exposed = {int(port) for port in " ".join(dockerfile()["EXPOSE"]).split()}
    services = compose()["services"].values()
    published = {
        int(port.rpartition(":")[2]) for each in services for port in each.get("ports", ())
    }
    opened = {
        port["containerPort"] for each in containers().values() for port in each.get("ports", ())
    }
    assert published == opened == exposed - {4000}, "the code server is for nobody outside"
    server = yaml.safe_load((ROOT / "deploy/workspace.yaml").read_text())["load_from"][0]
    assert server["grpc_server"]["port"] == 4000
    assert "--port=4000" in containers()["code"]["command"]
    (backend,) = manifests("Service")["movie-assets-api"]["spec"]["ports"]
    assert backend["targetPort"] in {port["name"] for port in containers()["api"]["ports"]}


def test_ports_are_published_on_this_machine_only() -> None:
    for service in compose()["services"].values():
        for port in service.get("ports", ()):
            assert "127.0.0.1:" in port


def test_probes_ask_what_the_api_answers(tmp_path: Path) -> None:
    answered = create_app(ServingSettings(published_dir=tmp_path)).openapi()["paths"]
    api = containers()["api"]
    for probe, path in {"startup": "/health", "liveness": "/health", "readiness": "/ready"}.items():
        assert api[f"{probe}Probe"]["httpGet"]["path"] == path
        assert path in answered


def test_volumes_are_where_the_image_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = image_environment()
    home, cache_folder = environment["MOVIE_ASSETS_HOME"], environment["NUMBA_CACHE_DIR"]
    published = f"{home}/published"
    monkeypatch.setenv("MOVIE_ASSETS_HOME", home)
    assert load_settings().published_dir == Path(published)
    made = " ".join(dockerfile()["RUN"])
    assert all(folder in made for folder in (home, published, cache_folder))
    services = compose()["services"]
    assert services["code"]["volumes"] == [
        f"home:{home}",
        f"published:{published}",
        f"pipeline-cache:{cache_folder}",
    ]
    assert services["api"]["volumes"] == [f"published:{published}:ro", f"api-cache:{cache_folder}"]
    mounts = {each["name"]: each for each in containers()["api"]["volumeMounts"]}
    assert mounts["published"] == {"name": "published", "mountPath": published, "readOnly": True}
    assert mounts["cache"]["mountPath"] == cache_folder
    for service in ("webserver", "daemon"):
        assert services[service]["environment"]["DAGSTER_HOME"] == f"{home}/dagster"
        assert {"name": "DAGSTER_HOME", "value": f"{home}/dagster"} in containers()[service]["env"]


def test_whichever_pod_is_first_makes_a_volume_the_groups() -> None:
    """Kubelet does that for no pod that claims it read-only, and may do it for the first alone."""
    for name in ("movie-assets-pipeline", "movie-assets-api"):
        assert pod(name)["securityContext"]["fsGroup"] == 10001
        claims = [each.get("persistentVolumeClaim", {}) for each in pod(name)["volumes"]]
        assert any(claims)
        assert not any(claim.get("readOnly") for claim in claims)


def test_all_name_the_same_location() -> None:
    of_commands = yaml.safe_load((ROOT / "movie_assets/workspace.yaml").read_text())
    of_containers = yaml.safe_load((ROOT / "deploy/workspace.yaml").read_text())
    module = of_commands["load_from"][0]["python_module"]
    server = of_containers["load_from"][0]["grpc_server"]
    assert server["location_name"] == module["location_name"]
    assert server["host"]["env"] in image_environment()
    assert f"--module-name={module['module_name']}" in containers()["code"]["command"]
    assert f"--location-name={module['location_name']}" in containers()["code"]["command"]


def test_all_name_the_same_version() -> None:
    assert f"VERSION={version()}" in dockerfile()["ARG"]
    assert f"movie-assets:{version()}" in compose()["services"]["api"]["image"]
    overlay = yaml.safe_load((EXAMPLE / "kustomization.yaml").read_text())
    (image,) = overlay["images"]
    assert image["newTag"] == version()
    assert {each["image"] for each in containers().values()} == {image["name"]}


def test_the_base_image_is_pinned_to_a_python_that_is_tested() -> None:
    (base,) = (arg for arg in dockerfile()["ARG"] if arg.startswith("PYTHON_IMAGE="))
    python = re.fullmatch(r"PYTHON_IMAGE=python:(3\.\d+)-slim-[a-z]+", base)
    assert python
    assert f"Python :: {python[1]}" in (ROOT / "setup.cfg").read_text()


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("requirements.lock", True),
        ("movie_assets/cli.py", True),
        ("deploy/workspace.yaml", True),
        (".env", False),
        (".git/config", False),
        ("data/movies_data.duckdb", False),
        (".venv/bin/python", False),
        ("deploy/kubernetes/example/api.env", False),
        ("movie_assets/.env", False),
        ("movie_assets/__pycache__/cli.pyc", False),
    ],
)
def test_what_the_build_is_given(path: str, taken: bool) -> None:
    assert is_given(path) is taken


def test_the_build_is_given_what_the_dockerfile_copies() -> None:
    text = (ROOT / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (?!--from)(.*)", text, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists()
            assert is_given(source)


def is_given(path: str) -> bool:
    """Whether .dockerignore lets a path through: its last line that fits decides."""
    given = True
    parents = [path, *(str(parent) for parent in Path(path).parents if str(parent) != ".")]
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!")
            spellings = {pattern, pattern.removeprefix("**/"), pattern.replace("**/", "*/")}
            if any(fnmatch.fnmatchcase(each, way) for each in parents for way in spellings):
                given = line.startswith("!")
    return given
