"""What deploy/check.sh cluster runs and changes; that it works is for a real cluster to show."""

from __future__ import annotations

import http.server
import os
import re
import runpy
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from movie_assets_tests.documents import blocks_of

PROJECT = Path(__file__).parents[3]
CHECKS = PROJECT / "deploy" / "checks"
PAGE = "docs/deploy.md"


@pytest.fixture(scope="module")
def check() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(CHECKS))
        found = runpy.run_path(str(CHECKS / "cluster.py"))
    for module in ("commands", "edits", "node", "shell", "verdicts"):
        sys.modules.pop(module, None)
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT / "deploy" / "kubernetes", tmp_path / "deploy" / "kubernetes")
    return tmp_path


def test_every_block_for_a_cluster_is_run(check: dict[str, Any]) -> None:
    text = (PROJECT / PAGE).read_text()
    ours = {block.line for block in blocks_of(PAGE, text) if "$ kubectl" in block.text}
    assert {step.line for step in check["sent_to"]("cluster", PAGE, text)} == ours != set()


def test_every_command_in_a_sentence_is_of_one_kind_and_every_kind_is_there(
    check: dict[str, Any],
) -> None:
    text = (PROJECT / PAGE).read_text()
    typed = [code for code in check["in_sentences"](text) if "kubectl" in code]
    assert {check["kind"](command) for command in typed} == set(check["LOOKS"])
    with pytest.raises(check["WrongError"], match="drain"):
        check["kind"]("kubectl drain node")


def test_only_what_an_older_cluster_lacks_is_changed(check: dict[str, Any], copy: Path) -> None:
    before, file = PROJECT / "deploy/kubernetes/base", copy / "deploy/kubernetes/base"
    told = check["older"](copy)
    assert [path.name for path in before.iterdir() if not _same(path, file)] == ["api.yaml"]
    old, new = (
        {each["kind"]: each for each in yaml.safe_load_all((folder / "api.yaml").read_text())}
        for folder in (before, file)
    )
    assert new["Deployment"] == old["Deployment"]
    assert new["Service"] == old["Service"]
    assert new["PodDisruptionBudget"].pop("apiVersion") == "policy/v1beta1"
    assert new["HorizontalPodAutoscaler"].pop("apiVersion") == "autoscaling/v2beta2"
    old["PodDisruptionBudget"].pop("apiVersion")
    old["HorizontalPodAutoscaler"].pop("apiVersion")
    assert old["PodDisruptionBudget"]["spec"].pop("unhealthyPodEvictionPolicy") == "AlwaysAllow"
    assert new == old
    assert len(told) == 3
    with pytest.raises(check["WrongError"], match="policy/v1, once"):
        check["older"](copy)


def _same(path: Path, folder: Path) -> bool:
    return path.read_text() == (folder / path.name).read_text()


def test_the_editor_changes_what_the_page_names(check: dict[str, Any], copy: Path) -> None:
    (step,) = check["sent_to"]("cluster", PAGE, (PROJECT / PAGE).read_text())
    lines = [line for line in step.script.splitlines() if "kubectl" not in line]
    assert any("$EDITOR kustomization.yaml" in line for line in lines)
    editor = {"EDITOR": f"{sys.executable} {CHECKS / 'edits.py'}", "CANARY": "a-canary"}
    variables = {"PATH": os.environ["PATH"]} | editor
    script = "set -e\n" + "\n".join(lines)
    subprocess.run(["bash", "-c", script], cwd=copy, env=variables, check=True)
    mine = copy / "deploy" / "kubernetes" / "mine"
    made = yaml.safe_load((mine / "kustomization.yaml").read_text())
    assert made["images"] == [
        {"name": "movie-assets", "newName": "localhost/movie-assets", "newTag": "0.1.0"}
    ]
    assert [each["envs"] for each in made["secretGenerator"]] == [["pipeline.env"], ["api.env"]]
    assert yaml.safe_load(made["patches"][0]["patch"])[0]["value"] == check["SHARED_CLASS"]
    rules = yaml.safe_load((mine / "ingress.yaml").read_text())["spec"]["rules"]
    assert [rule["host"] for rule in rules] == [check["HOST"]]
    for name in ("pipeline.env", "api.env"):
        assert "a-canary" in (mine / name).read_text()
        assert (mine / name).stat().st_mode & 0o077 == 0
    again = subprocess.run(
        ["bash", "-c", "$EDITOR ingress.yaml"],
        cwd=mine,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 1
    assert re.search("ingress.yaml has no 'movies.example.org' to change", again.stderr)


@pytest.fixture
def server() -> Iterator[str]:
    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.headers["X-API-Key"] == "a-canary" else 401)
            self.end_headers()
            self.wfile.write(b"said")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as serving:
        threading.Thread(target=serving.serve_forever).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


def test_a_refused_request_is_not_an_answer(check: dict[str, Any], server: str) -> None:
    assert check["answer"](server, {"X-API-Key": "a-canary"}) == (200, "said")
    assert check["answer"](server) == (401, "said")
    status, why = check["answer"]("http://127.0.0.1:1")
    assert status == 0
    assert "refused" in why


def test_pods_are_ready_by_their_condition_alone(check: dict[str, Any]) -> None:
    ready = {"type": "Ready", "status": "True"}
    for conditions, is_so in {
        (): False,
        (("Ready", "False"), ("Initialized", "True")): False,
        (("Initialized", "True"), ("Ready", "True")): True,
    }.items():
        told = [dict(zip(ready, each, strict=True)) for each in conditions]
        assert check["_is_ready"]({"status": {"conditions": told}}) is is_so


def test_the_page_adds_up_what_all_pods_ask_for() -> None:
    def asked(name: str) -> int:
        (found,) = (
            each
            for each in yaml.safe_load_all((PROJECT / f"deploy/kubernetes/base/{name}").read_text())
            if each["kind"] == "Deployment"
        )
        containers = found["spec"]["template"]["spec"]["containers"]
        return sum(int(each["resources"]["requests"]["cpu"].rstrip("m")) for each in containers)

    pipeline, api = asked("pipeline.yaml"), asked("api.yaml")
    text = " ".join((PROJECT / PAGE).read_text().split())
    assert (
        f"The pipeline asks for {pipeline / 1000:g} processors, each API pod for {api / 1000:g}: "
        f"{(pipeline + 3 * api) / 1000:g} with two API pods and the third"
    ) in text
    assert f"Three API pods and the pipeline ask for {(pipeline + 3 * api) / 1000:g}" in text
