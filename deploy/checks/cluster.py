"""Runs the kubectl commands of docs/deploy.md on a real cluster, and looks at what they make.

    cluster.py PROJECT FOLDER CANARY

Which commands: the block whose comment says that ``deploy/check.sh cluster`` runs it, and then the
ones in the page's sentences, in their order, in a copy of the manifests. FOLDER has what check.sh
brings (``kubernetes-programs``, ``tools``, ``pause.tar``, ``image.tar``), and gets the logs. CANARY
stands for secrets. The cluster is node.py's; edits.py is the reader's editor.

The cluster is older than the manifests are for. What it lacks is in ``_OLDER``, and all else is
applied as it stands.
"""

from __future__ import annotations

import http.client
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from commands import Step, in_sentences, sent_to
from edits import HOST, IMAGE, SHARED_CLASS
from node import NAME, Node, apply, node
from shell import typed
from verdicts import WrongError, expect, say

PAGE = "docs/deploy.md"
SPACE, ON_ONE_NODE = "movie-assets", "movie-assets-on-one-node"
API, PIPELINE = "movie-assets-api", "movie-assets-pipeline"
#: What Kubernetes 1.20 does not know, in base/api.yaml, and what it has instead.
_OLDER = {
    "apiVersion: policy/v1\n": "apiVersion: policy/v1beta1\n",
    "  unhealthyPodEvictionPolicy: AlwaysAllow\n": "",
    "apiVersion: autoscaling/v2\n": "apiVersion: autoscaling/v2beta2\n",
}
_SECONDS = 900
_FILM = "/v1/movies/949/similar?limit=1"
#: No proxy of this machine's is asked.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_CONFINED = """
cat /proc/1/status
for folder in / /app /opt /etc; do touch $folder/x 2>/dev/null && echo "wrote: $folder"; done
touch /data/published/x 2>/dev/null && rm /data/published/x && echo "wrote: published"
test -e /var/run/secrets/kubernetes.io && echo "wrote: a token"
true
"""


def main(project: str, folder: str, canary: str) -> int:
    """Start a cluster, run everything on it and print what was found.

    Returns:
        The exit code: 1 where anything is wrong.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    place, root = Path(folder).resolve(), Path(project).resolve()
    text = (root / PAGE).read_text()
    todo = sent_to("cluster", PAGE, text)
    typed = [code for code in in_sentences(text) if "kubectl" in code]
    try:
        with node(place, [place / "pause.tar", place / "image.tar"]) as made:
            bring(root, made)
            Check(made, canary).run(todo, typed)
    except (WrongError, subprocess.SubprocessError) as error:
        print(f"WRONG {error}", file=sys.stderr)
        return 1
    say(f"{len(todo)} block and {len(typed)} commands of {PAGE} ran on a real cluster")
    return 0


def bring(project: Path, made: Node) -> None:
    """A copy of the manifests that this cluster takes, and volumes as a cluster has them."""
    copy = made.home / "project"
    shutil.copytree(project / "deploy" / "kubernetes", copy / "deploy" / "kubernetes")
    say(f"for Kubernetes 1.20, and here only, are changed: {', '.join(older(copy))}")
    disk, default = "check-disk", "storageclass.kubernetes.io/is-default-class"
    apply(
        made,
        _storage_class(disk, {default: "true"}),
        _storage_class(SHARED_CLASS, {}),
        *(_volume(made, f"disk-{each}", disk, "20Gi", "ReadWriteOnce") for each in (1, 2)),
        _volume(made, "shared-1", SHARED_CLASS, "10Gi", "ReadWriteMany"),
        _volume(made, "shared-2", SHARED_CLASS, "10Gi", "ReadWriteOnce"),
    )


def older(project: Path) -> list[str]:
    """Rewrite what the cluster does not know; what that was."""
    file = project / "deploy" / "kubernetes" / "base" / "api.yaml"
    text = file.read_text()
    for new, old in _OLDER.items():
        expect(f"base/api.yaml has {new.strip()}, once", text.count(new) == 1, tell=False)
        text = text.replace(new, old)
    file.write_text(text)
    return [f"{new.strip()} ({old.strip() or 'left out'})" for new, old in _OLDER.items()]


def _storage_class(name: str, annotations: dict[str, str]) -> dict[str, object]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, "annotations": annotations},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def _volume(made: Node, name: str, kind: str, size: str, mode: str) -> dict[str, object]:
    """A folder of root's: that the pods may write to it is for ``fsGroup`` to bring about."""
    folder = made.home / "volumes" / name
    folder.mkdir(parents=True)
    on_it = [{"key": "kubernetes.io/hostname", "operator": "In", "values": [NAME]}]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": size},
            "accessModes": [mode],
            "storageClassName": kind,
            "local": {"path": str(folder)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": on_it}]}},
        },
    }


class Check:
    """What is looked at before, during and after the commands, by what stands in them."""

    def __init__(self, made: Node, canary: str) -> None:
        self.made = made
        self.canary = canary
        self.project = made.home / "project"
        self.overlay = self.project / "deploy" / "kubernetes" / "mine"
        self.log = made.home / "commands.log"
        self.space = SPACE
        self.services: dict[str, str] = {}
        editor = Path(__file__).with_name("edits.py")
        self.variables = made.variables | {
            "PATH": f"{made.kubectl.parent}:{made.variables['PATH']}",
            "EDITOR": f"{sys.executable} {editor}",
            "CANARY": canary,
        }

    def run(self, todo: list[Step], typed: list[str]) -> None:
        """Run the block and each command; for each kind of them there must be one."""
        expect("one block of the page is for a cluster", len(todo) == 1, tell=False)
        missing = set(LOOKS) - set(map(kind, typed))
        expect(f"the page has commands like {sorted(missing)}", not missing, tell=False)
        with self.seen_from_the_start():
            self.typed(todo[0].name, todo[0].script, self.project)
        self.is_whole()
        for command in typed:
            LOOKS[kind(command)](self, command)
        self.runs_on_one_node()

    # -- what the commands are to bring about ---------------------------------------------------

    @contextmanager
    def seen_from_the_start(self) -> Iterator[None]:
        """Watch the API's pods until the first snapshot is there: alive, and not ready."""
        seen: list[tuple[bool, int, int]] = []
        done = threading.Event()

        def watch() -> None:
            while not done.wait(1):
                if not self.is_building():
                    continue
                for pod in self.pods("api"):
                    if pod["status"].get("podIP") and _started(pod):
                        url = f"http://{pod['status']['podIP']}:8000"
                        states = (answer(url + "/health")[0], answer(url + "/ready")[0])
                        # Once more: the answers count if it still was building.
                        if self.is_building():
                            seen.append((_is_ready(pod), *states))

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        yield
        done.set()
        watcher.join()
        expect(
            "before the first snapshot the API's pods are alive, not ready, and answer /ready by "
            f"503 (looked at {len(seen)} times)",
            bool(seen) and set(seen) == {(False, 200, 503)},
        )

    def is_whole(self) -> None:
        """All pods run, as confined as the manifests say, and the API answers for its Service."""
        (pipeline,) = self.pods("pipeline")
        (init,) = pipeline["status"]["initContainerStatuses"]
        expect("the init container ended well", init["state"]["terminated"]["exitCode"] == 0)
        published = self.made.home / "volumes" / "shared-1" / "current"
        expect("it has built: something is published", published.exists())
        groups = {folder.stat().st_gid for folder in (self.made.home / "volumes").glob("*-1")}
        expect("the volumes, which were root's, are group 10001's", groups == {10001})
        self.wait("two API pods, by the autoscaler", lambda: len(self.pods("api")) == 2)
        self.rollout(API)
        pods = self.pods("api")
        restarts = [_container(pod)["restartCount"] for pod in pods]
        expect("both API pods are ready, and were never restarted", restarts == [0, 0])
        self.answers()
        for pod in [pipeline, *pods]:
            self.is_confined(pod)
        self.has_its_secrets_apart()
        for kind in ("networkpolicies", "ingresses", "poddisruptionbudgets", "hpa"):
            expect(f"the cluster has taken the {kind}", bool(self.get(kind)["items"]))
        (ingress,) = self.get("ingresses")["items"]
        expect("the Ingress has the host", ingress["spec"]["rules"][0]["host"] == HOST)

    def answers(self) -> None:
        """The API, through its Service."""
        for path in ("/ready", _FILM):
            status, said = self.ask(path)
            expect(f"{path} answers {status} through the Service: {said[:60]}...", status == 200)
        expect("it asks for a key", answer(self.service() + _FILM)[0] == 401)

    def is_confined(self, pod: dict[str, Any]) -> None:
        """No root, no capabilities, a read-only root, no token: as each container has it."""
        name = pod["metadata"]["name"]
        for container in pod["spec"]["containers"]:
            said = self.inside(name, container["name"], "sh", "-c", _CONFINED)
            found = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
            wrote = re.findall(r"^wrote: (.*)", said, re.MULTILINE)
            may = ["published"] if container["name"] != "api" else []
            expect(
                f"{container['name']} runs as 10001 without capabilities or a service account's "
                "token, under seccomp, and cannot write to the image",
                found["Uid"].split() == found["Gid"].split() == ["10001"] * 4
                and int(found["CapEff"], 16) == int(found["CapBnd"], 16) == 0
                and found["NoNewPrivs"].strip() == "1"
                and found["Seccomp"].strip() == "2"
                and set(wrote) <= set(may),
            )

    def has_its_secrets_apart(self) -> None:
        """Secrets are in Secrets, and nowhere else."""
        everything = "deployments,replicasets,pods,configmaps,events,ingresses,services"
        expect("no secret is in any object but Secrets", self.canary not in self.raw(everything))
        for name, given in {API: "api", PIPELINE: "code"}.items():
            command = ("exec", f"deployment/{name}", "--container", given, "--", "env")
            expect(f"{given} is given its own", self.canary in self.kubectl(*command))
        for apart in ("daemon", "webserver"):
            command = ("exec", f"deployment/{PIPELINE}", "--container", apart, "--", "env")
            expect(f"{apart} is given none", self.canary not in self.kubectl(*command))

    def shows_the_web_ui(self, command: str) -> None:
        """Dagster's web UI is there while the command runs."""
        with subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        ) as forward:
            url = "http://127.0.0.1:3000"
            try:
                self.wait("the web UI", lambda: answer(url)[0] == 200, tell=False)
                page = answer(url)[1]
                query = "{workspaceOrError{... on Workspace{locationEntries{loadStatus name}}}}"
                known = answer(f"{url}/graphql?query={urllib.parse.quote(query)}")[1]
            finally:
                forward.terminate()
        print(f"        $ {command}")
        expect("Dagster's web UI is there", "dagster" in page.lower())
        expect("it has loaded the code", "LOADED" in known and "movie_assets" in known)

    def builds_by_hand(self, command: str) -> None:
        """A second build has nothing to do."""
        said = self.typed("by hand", command, self.overlay)
        expect("a second build has nothing to do", "nothing ran" in said)
        self.comes_back()

    def comes_back(self) -> None:
        """An API container whose process is killed is started again."""
        pod = self.pods("api")[0]
        name = pod["metadata"]["name"]
        container = _container(pod)["containerID"].partition("://")[2]
        self.made.containers("tasks", "kill", "--signal", "SIGKILL", container)

        def is_back() -> bool:
            (now,) = (each for each in self.pods("api") if each["metadata"]["name"] == name)
            return bool(_container(now)["restartCount"] == 1 and _is_ready(now))

        self.wait("a killed API container comes back, and is ready", is_back)

    def rolls_out_a_new_version(self, command: str) -> None:
        """Nobody who asks is refused while all pods are replaced."""
        new = f"{IMAGE}:0.1.1"
        self.made.containers("images", "tag", f"{IMAGE}:0.1.0", new)
        file = self.overlay / "kustomization.yaml"
        file.write_text(file.read_text().replace("newTag: 0.1.0", "newTag: 0.1.1"))
        asked: dict[str, int] = {}
        wrong: list[str] = []
        done = threading.Event()

        def ask() -> None:
            while not done.is_set():
                for path in ("/health", _FILM):
                    status, said = self.ask(path)
                    asked[path] = asked.get(path, 0) + 1
                    if status != 200:
                        wrong.append(f"{path}: {status} {said[:200]}")
                # Not to take the processors from what is asked.
                time.sleep(0.02)

        def are_new() -> bool:
            pods = [*self.pods("api"), *self.pods("pipeline")]
            images = {each["image"] for pod in pods for each in pod["spec"]["containers"]}
            return images == {new} and len(pods) == 3 and all(map(_is_ready, pods))

        asker = threading.Thread(target=ask, daemon=True)
        asker.start()
        try:
            self.typed("a new version", command, self.overlay)
            self.rollout(API)
            self.rollout(PIPELINE)
            self.wait("all pods are of the new version, and the old ones are gone", are_new)
        finally:
            done.set()
            asker.join()
        expect(
            f"of {sum(asked.values())} requests meanwhile none failed: {wrong[:3] or asked}",
            not wrong and len(asked) == 2,
        )

    def goes_on_without_the_pipeline(self, command: str) -> None:
        """The API knows nothing of the pipeline."""
        self.typed("the pipeline is stopped", command, self.overlay)
        self.wait("no pod of the pipeline is left", lambda: not self.pods("pipeline"))
        self.answers()

    def runs_on_one_node(self) -> None:
        """The component that shares a volume which is for one node, in a namespace of its own."""
        other = self.overlay.with_name("mine-on-one-node")
        shutil.copytree(self.overlay, other)
        for name in ("kustomization.yaml", "namespace.yaml"):
            text = (other / name).read_text()
            (other / name).write_text(
                re.sub(rf"^(namespace|  name): {SPACE}$", rf"\1: {ON_ONE_NODE}", text, flags=re.M)
            )
        with (other / "kustomization.yaml").open("a") as file:
            file.write("components: [../one-node]\n")
        self.space = ON_ONE_NODE
        self.typed("with the component one-node", "kubectl apply --kustomize .", other)
        self.rollout(PIPELINE)
        self.rollout(API)
        (claim,) = (
            each
            for each in self.get("persistentvolumeclaims")["items"]
            if each["metadata"]["name"] == "movie-assets-published"
        )
        expect(
            "the pods share a volume that is ReadWriteOnce",
            claim["status"]["accessModes"] == ["ReadWriteOnce"],
        )
        self.answers()

    # -- how it is asked ------------------------------------------------------------------------

    def typed(self, what: str, script: str, folder: Path) -> str:
        """Run commands by bash until one fails; what they printed."""
        begun = time.monotonic()
        code, said = typed(script, folder=folder, variables=self.variables, log=self.log)
        if code:
            state = self.kubectl("get", "pods,events", may_fail=True)
            raise WrongError(f"{what} ends with {code}:\n{script}\n{said}\n{state}")
        say(f"{what} ran, {time.monotonic() - begun:.0f} s")
        for command in script.splitlines():
            print(f"        $ {command}", flush=True)
        return said

    def kubectl(self, *arguments: str, may_fail: bool = False) -> str:
        """What kubectl prints of the namespace."""
        try:
            return self.made.run(self.made.kubectl, "--namespace", self.space, *arguments)
        except WrongError:
            if not may_fail:
                raise
            return ""

    def raw(self, kinds: str) -> str:
        """Objects as the cluster has them; without any, an empty list."""
        return self.kubectl("get", kinds, "--output", "json")

    def get(self, kinds: str) -> Any:
        """Objects, read."""
        return json.loads(self.raw(kinds))

    def pods(self, component: str) -> list[Any]:
        """The pods of a Deployment, also those that are ending."""
        chosen = f"--selector=app.kubernetes.io/component={component}"
        found = self.kubectl("get", "pods", chosen, "--output", "json", may_fail=True)
        return list(json.loads(found)["items"]) if found else []

    def is_building(self) -> bool:
        """Whether the init container runs, and nothing is published."""
        states = [
            status["state"]
            for pod in self.pods("pipeline")
            for status in pod["status"].get("initContainerStatuses", [])
        ]
        published = self.made.home / "volumes" / "shared-1" / "current"
        return any("running" in state for state in states) and not published.exists()

    def inside(self, pod: str, container: str, *command: str) -> str:
        """What a command prints in a container."""
        return self.kubectl("exec", pod, "--container", container, "--", *command)

    def rollout(self, deployment: str) -> None:
        """Wait for kubectl's own verdict."""
        self.kubectl("rollout", "status", f"deployment/{deployment}", "--timeout", f"{_SECONDS}s")

    def wait(self, what: str, is_so: Callable[[], bool], *, tell: bool = True) -> None:
        """Wait for something to be so."""
        begun = time.monotonic()
        while not is_so():
            if time.monotonic() - begun > _SECONDS:
                raise WrongError(f"after {_SECONDS} s it is not so: {what}")
            time.sleep(1)
        expect(what, True, tell=tell)

    def service(self) -> str:
        """Where the Service of the namespace is."""
        if self.space not in self.services:
            found = self.get(f"service/{API}")
            self.services[self.space] = f"http://{found['spec']['clusterIP']}"
        return self.services[self.space]

    def ask(self, path: str) -> tuple[int, str]:
        """What the Service answers to somebody with a key."""
        return answer(self.service() + path, {"X-API-Key": self.canary})


#: What is looked at when a command of the page's sentences is run, by what stands in it.
LOOKS: dict[str, Callable[[Check, str], None]] = {
    r" port-forward ": Check.shows_the_web_ui,
    r" exec .*movie-assets build": Check.builds_by_hand,
    r" apply --kustomize": Check.rolls_out_a_new_version,
    r" scale .*--replicas 0": Check.goes_on_without_the_pipeline,
}


def kind(command: str) -> str:
    """Which of ``LOOKS`` a command is for."""
    found = [pattern for pattern in LOOKS if re.search(pattern, command)]
    if len(found) != 1:
        raise WrongError(f"deploy/checks/cluster.py does not know what to look at with: {command}")
    return found[0]


def answer(url: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """The status and the text; 0 and why, where nobody answers."""
    request = urllib.request.Request(url, headers=headers or {})
    try:
        with _DIRECT.open(request, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except (OSError, http.client.HTTPException) as error:
        return 0, repr(error)


def _container(pod: dict[str, Any]) -> Any:
    """What is known of a pod's only container."""
    (found,) = pod["status"]["containerStatuses"]
    return found


def _started(pod: dict[str, Any]) -> bool:
    return all(each.get("started") for each in pod["status"].get("containerStatuses", [{}]))


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
