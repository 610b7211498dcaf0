"""Runs the docker commands of the documentation on a real engine, and looks at what they make.

    engine.py PROJECT FOLDER DOCKER CANARY

Which commands: the blocks of docs/deploy.md and docs/tutorial.md whose comment says that
``deploy/check.sh engine`` runs them, in the order of the pages, by bash, in a clone of the project
as it lies there. FOLDER has what check.sh brings (``docker-config``, ``base``, ``secrets``, and
``engine`` with Debian's dockerd), and gets the log. DOCKER is the client; CANARY stands for
secrets, which no image may hold.

The engine is that of DOCKER_HOST, or else one that is started here, in folders of its own, and
ended. An engine that has containers, volumes or images by the documentation's names is left alone.
What is made is removed in any case. What differs from what a reader types is in ``_stand_ins``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml
from commands import Step, sent_to
from shell import COMMAND_SECONDS, typed
from verdicts import WrongError, expect, say

PAGES = ("docs/deploy.md", "docs/tutorial.md")
_VOLUME = re.compile(r"--volume ([a-z][\w-]*):")
#: Engine 25, the first that takes a health check's start_interval.
_API_VERSION = (1, 44)
_PORTS = (8000, 3000)
#: Where a registry of our own is, if no other one can be reached.
_REGISTRY = "127.0.0.1:5055"
_SERVICES = {"code", "webserver", "daemon", "api"}
_HEALTHY_SECONDS = 600
_PORT_SECONDS = 600
_ATTEMPTS = 3
_IN_USE = "address already in use"
_NEW = "# a new version"
_PROJECT_LABEL = "label=com.docker.compose.project="
_TITLE_LABEL = "label=org.opencontainers.image.title=movie_assets"


class Engine:
    """An engine, asked by its client as a reader would, from the clone's folder."""

    def __init__(self, folder: Path, docker: str, host: str) -> None:
        self.folder = folder
        self.clone = folder / "clone"
        self.docker = docker
        self.log = folder / "engine-commands.log"
        # Nothing of this shell: compose hands settings on.
        self.variables = {
            "PATH": f"{folder / 'stand-ins'}:{os.environ['PATH']}",
            "HOME": str(folder / "docker-config"),
            "DOCKER_CONFIG": str(folder / "docker-config"),
            "DOCKER_HOST": host,
        }

    def bash(self, script: str) -> tuple[int, str]:
        """Run commands one after another until one fails.

        Returns:
            The exit code and all that was printed, which is in the log as well.
        """
        return typed(script, folder=self.clone, variables=self.variables, log=self.log)

    def ask(self, *arguments: str, may_fail: bool = False) -> str:
        """What docker prints."""
        done = subprocess.run(
            [self.docker, *arguments],
            cwd=self.clone if self.clone.exists() else self.folder,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if done.returncode and not may_fail:
            raise WrongError(f"docker {' '.join(arguments)}: {done.stderr.strip()[-2000:]}")
        return "" if done.returncode else done.stdout.strip()

    def inspect(self, *what: str) -> Any:
        """What the engine knows of a container or an image."""
        return json.loads(self.ask("inspect", *what))[0]

    def inside(self, container: str, *command: str) -> str | None:
        """What a command in a container prints; None where it fails."""
        try:
            return self.ask("exec", container, *command)
        except WrongError:
            return None

    def services(self) -> dict[str, str]:
        """The containers of compose, by their services."""
        found = self.ask("compose", "ps", "--format", "{{.Service}} {{.ID}}")
        return dict(line.split() for line in found.splitlines())


def main(project: str, folder: str, docker: str, canary: str) -> int:
    """Run all blocks and print what was found.

    Returns:
        The exit code: 1 where anything is wrong.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    place, root = Path(folder).resolve(), Path(project).resolve()
    log = place / "engine-commands.log"
    log.unlink(missing_ok=True)
    try:
        todo = [
            step for page in PAGES for step in sent_to("engine", page, (root / page).read_text())
        ]
        with ExitStack() as stack:
            host = os.environ.get("DOCKER_HOST") or stack.enter_context(_own_engine(place))
            engine = Engine(place, docker, host)
            _must_be_new_and_ours(engine, todo)
            stack.callback(_clean_up, engine, todo)
            _stand_ins(root, engine, canary)
            _bring_base(engine, stack)
            Check(engine, canary).run(todo)
    except (WrongError, subprocess.SubprocessError) as error:
        print(f"WRONG {error}", file=sys.stderr)
        return 1
    print(f"ok    {len(todo)} blocks ran on a real engine; nothing of it is left")
    return 0


class Check:
    """What is looked at before and after each block, by what stands in it."""

    def __init__(self, engine: Engine, canary: str) -> None:
        self.engine = engine
        self.canary = canary
        self.image = ""

    def run(self, todo: list[Step]) -> None:
        """Run each block; for each kind of them there must be one."""
        looks: dict[str, tuple[Callable[[], None] | None, Callable[[], None]]] = {
            r"docker build .*REVISION": (None, self.is_of_this_revision),
            r"docker pull": (None, self.is_of_this_base),
            r"docker build .*--secret": (None, self.image_is_clean),
            r"docker run": (_wait_for_ports, self.is_served_by_hand),
            r"\.env\.example": (_wait_for_ports, self.compose_is_up),
            r"compose exec": (None, self.is_built_and_kept),
            r"git pull": (self.publish_new_version, self.is_new_version),
            r"down --volumes": (None, self.nothing_is_left),
        }
        self.image = self.engine.ask("compose", "config", "--images").split()[0]
        missing = set(looks)
        for step in todo:
            kinds = [kind for kind in looks if re.search(kind, step.script)]
            missing -= set(kinds)
            for kind in kinds:
                if (before := looks[kind][0]) is not None:
                    before()
            self.commands(step)
            for kind in kinds:
                looks[kind][1]()
            if not kinds and "compose up" in step.script:
                self.compose_is_up()
        if missing:
            raise WrongError(f"the documentation has no block with {sorted(missing)}")

    def commands(self, step: Step) -> None:
        """Run a block, again where something else had one of the ports for a moment."""
        begun = time.monotonic()
        for attempt in range(_ATTEMPTS):
            code, said = self.engine.bash(step.script)
            if code == 0 or _IN_USE not in said:
                break
            print(f"      attempt {attempt + 1}: a port is taken", flush=True)
            _wait_for_ports()
        if code:
            raise WrongError(f"{step.name} ends with {code}:\n{step.script}\n{said[-4000:]}")
        say(f"{step.name} ran, {time.monotonic() - begun:.0f} s")
        for command in step.script.splitlines():
            print(f"        $ {command}", flush=True)

    def is_of_this_revision(self) -> None:
        """The image says which commit it was built from."""
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=self.engine.clone, capture_output=True, check=True
        )
        labels = self.engine.inspect(self.image)["Config"]["Labels"]
        expect(
            "the image's label has the revision",
            labels["org.opencontainers.image.revision"] == head.stdout.decode().strip(),
        )

    def is_of_this_base(self) -> None:
        """The image begins with the layers of the base whose digest was named."""
        engine, name = self.engine, _base(self.engine.clone)
        told = (engine.clone / "base.txt").read_text().strip()
        base, image = engine.inspect(name), engine.inspect(self.image)
        expect(f"docker tells the base's digest: {told}", told in base["RepoDigests"])
        layers = base["RootFS"]["Layers"]
        expect("the image is of that base", image["RootFS"]["Layers"][: len(layers)] == layers)

    def image_is_clean(self) -> None:
        """No secret in history, settings or layers."""
        engine = self.engine
        known = engine.ask("history", "--no-trunc", self.image) + engine.ask("inspect", self.image)
        expect("no secret is in docker history or docker inspect", self.canary not in known)
        layers = len(engine.inspect(_base(engine.clone))["RootFS"]["Layers"])
        archive = engine.folder / "engine-image.tar"
        try:
            engine.ask("save", "--output", str(archive), self.image)
            judge = Path(__file__).with_name("layers.py")
            judged = [sys.executable, str(judge), str(archive), str(layers), self.canary]
            expect("its layers are clean", subprocess.run(judged, check=False).returncode == 0)
        finally:
            archive.unlink(missing_ok=True)

    def is_served_by_hand(self) -> None:
        """The container that the block leaves is confined and healthy."""
        container = self.engine.ask("ps", "--quiet", "--filter", f"ancestor={self.image}")
        expect("one container serves", bool(container) and len(container.split()) == 1)
        self.is_confined(container, "docker run")
        self.wait_until_healthy({"docker run": container})
        expect("/data is read-only there", self.fails(container, "touch", "/data/x"))
        self.engine.ask("rm", "--force", container)

    def compose_is_up(self) -> None:
        """All services are healthy, as confined as compose.yaml says, and apart."""
        found = self.engine.services()
        expect("all four services run", set(found) == _SERVICES)
        print(self.engine.ask("compose", "ps", "--format", "        {{.Service}}: {{.Status}}"))
        self.wait_until_healthy(found)
        for name, container in found.items():
            self.is_confined(container, name)
            limits = self.engine.inspect(container)["HostConfig"]
            expect(
                f"{name} has limits of memory, processors and processes",
                all(limits[each] for each in ("Memory", "NanoCpus", "PidsLimit")),
            )
            published = [
                each["HostIp"]
                for bound in (limits["PortBindings"] or {}).values()
                for each in bound
            ]
            expect(f"{name} is on the loopback only", set(published) <= {"127.0.0.1"})
        api = found["api"]
        expect(
            "the API cannot write what is published",
            self.fails(api, "touch", "/data/published/x"),
        )
        connect = "import socket, sys; socket.create_connection((sys.argv[1], 4000), timeout=5)"
        reach = ("python3", "-c", connect, "code")
        expect("the web UI reaches the code server", not self.fails(found["webserver"], *reach))
        expect("the API does not reach the code server", self.fails(api, *reach))

    def is_built_and_kept(self) -> None:
        """What was built outlives its containers."""
        before = self.published()
        code, said = self.engine.bash("docker compose down && docker compose up --detach")
        expect(f"compose goes down and up again: {said[-500:] if code else 'yes'}", code == 0)
        self.wait_until_healthy(self.engine.services())
        expect("the same data are published after it", self.published() == before)
        logs = self.engine.ask("compose", "logs", "--no-log-prefix", "code")
        expect("the build at the start had nothing to do", "nothing ran" in logs)

    def publish_new_version(self) -> None:
        """What the next ``git pull`` brings."""
        changed = self.engine.folder / "origin" / "movie_assets" / "__init__.py"
        changed.write_text(changed.read_text() + f"\n{_NEW}\n")
        _git(self.engine.folder / "origin", "commit", "--quiet", "--all", "--message", "Change")

    def is_new_version(self) -> None:
        """All services are of the new image, on the data that were there."""
        self.compose_is_up()
        read = "import movie_assets; print(open(movie_assets.__file__).read())"
        for name, container in self.engine.services().items():
            text = self.engine.inside(container, "python3", "-c", read)
            expect(f"{name} is of the new version", text is not None and _NEW in text)

    def nothing_is_left(self) -> None:
        """Containers, volumes and networks are gone."""
        label = _PROJECT_LABEL + "movie-assets"
        left = [
            self.engine.ask(kind, "ls", *more, "--quiet", "--filter", label)
            for kind, *more in (("container", "--all"), ("volume",), ("network",))
        ]
        expect("no container, volume or network is left", not any(left))

    def published(self) -> tuple[str, str]:
        """The snapshot that is served, and when it was made: content alone makes the name."""
        code, said = self.engine.bash("curl http://127.0.0.1:8000/ready")
        if code:
            raise WrongError(f"the API is not ready: {said}")
        snapshot = json.loads(said[said.index("{") :])["snapshot"]
        return snapshot["name"], snapshot["created_at"]

    def is_confined(self, container: str, name: str) -> None:
        """Not root, nothing to write to but what is mounted, no way to more rights."""
        status = self.engine.inside(container, "cat", "/proc/1/status") or ""
        found = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        folders = ("/", "/app", "/opt", "/etc")
        expect(
            f"{name} is not root, has no capabilities, and cannot write to the image",
            found.get("Uid", "").split() == ["10001"] * 4
            and found["NoNewPrivs"] == "1"
            and found["Seccomp"] == "2"
            and int(found["CapEff"], 16) == int(found["CapBnd"], 16) == 0
            and self.engine.inspect(container)["HostConfig"]["ReadonlyRootfs"]
            and all(self.fails(container, "touch", f"{folder}/x") for folder in folders),
        )

    def fails(self, container: str, *command: str) -> bool:
        """Whether a command cannot be done in a container that runs."""
        expect("the container runs", self.engine.inside(container, "true") is not None, tell=False)
        return self.engine.inside(container, *command) is None

    def wait_until_healthy(self, containers: dict[str, str]) -> None:
        """Wait for the engine's own verdict."""
        begun = time.monotonic()
        states: dict[str, str] = {}
        while set(states.values()) != {"healthy"}:
            if time.monotonic() - begun > _HEALTHY_SECONDS:
                raise WrongError(f"after {_HEALTHY_SECONDS} s: {states}")
            time.sleep(1)
            states = {
                name: self.engine.inspect(container)["State"]["Health"]["Status"]
                for name, container in containers.items()
            }
        say(f"healthy {time.monotonic() - begun:.0f} s later: {', '.join(sorted(containers))}")


# -- what is brought --------------------------------------------------------------------------


@contextmanager
def _own_engine(folder: Path) -> Iterator[str]:
    """Debian's dockerd, with data, state and socket in a folder; its address."""
    home, programs = folder / "engine-home", folder / "engine" / "usr"
    home.mkdir(parents=True, exist_ok=True)
    host = f"unix://{home}/docker.sock"
    path = f"{programs}/sbin:{programs}/bin:{os.environ['PATH']}"
    with (folder / "engine.log").open("w") as log:
        process = subprocess.Popen(
            [
                *(str(programs / "sbin" / "dockerd"), "--host", host),
                *("--data-root", str(home / "root"), "--exec-root", str(home / "exec")),
                *("--pidfile", str(home / "pid")),
                *("--init-path", str(programs / "bin" / "tini-static")),
                *("--registry-mirror", f"http://{_REGISTRY}"),
                # Where a containerd of this machine's runs, engines that share it stay apart.
                *("--containerd-namespace", "movie-assets-check"),
                *("--containerd-plugins-namespace", "movie-assets-check-plugins"),
            ],
            env=os.environ | {"PATH": path},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for_socket(home / "docker.sock", process, folder / "engine.log")
        yield host
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for mount in reversed([mount for mount in mounts if mount.startswith(f"{home}/")]):
            subprocess.run(["umount", "--lazy", mount], check=False)
        shutil.rmtree(home)


def _wait_for_socket(address: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    begun = time.monotonic()
    while time.monotonic() - begun < 60 and process.poll() is None:
        with socket.socket(socket.AF_UNIX) as client:
            if client.connect_ex(str(address)) == 0:
                return
        time.sleep(0.5)
    raise WrongError(f"no engine can be started here: {log.read_text()[-1500:]}")


def _must_be_new_and_ours(engine: Engine, todo: list[Step]) -> None:
    version = engine.ask("version", "--format", "{{.Server.Version}} {{.Server.APIVersion}}")
    name, _, api = version.partition(" ")
    if tuple(map(int, api.split("."))) < _API_VERSION:
        raise WrongError(f"the engine is {name}; compose.yaml needs 25 or newer")
    there = [
        engine.ask("ps", "--all", "--quiet", "--filter", f"{_PROJECT_LABEL}movie-assets"),
        engine.ask("images", "--quiet", "--filter", _TITLE_LABEL),
        *(set(engine.ask("volume", "ls", "--quiet").split()) & set(_volumes(todo))),
    ]
    if any(there):
        raise WrongError("this engine has movie_assets' containers, images or volumes; use another")
    say(f"engine {name}, compose {engine.ask('compose', 'version', '--short')}")


def _stand_ins(project: Path, engine: Engine, canary: str) -> None:
    """A clone of the project, and the only differences from what a reader has and types.

    Each build is given pip's configuration and certificate of this machine, as the documentation's
    "Behind a proxy" has it: ``docker build`` by an argument, compose by an override. ``curl`` waits
    as a reader would: it asks again until the answer is not an error.
    """
    folder, clone = engine.folder, engine.clone
    for made in (folder / "origin", clone, folder / "stand-ins"):
        shutil.rmtree(made, ignore_errors=True)
    origin = folder / "origin"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=project, capture_output=True, check=True).stdout
    for name in filter(None, names.decode().split("\0")):
        if (project / name).is_file():
            (origin / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(project / name, origin / name)
    _git(origin, "init", "--quiet")
    _git(origin, "add", "--all")
    _git(origin, "commit", "--quiet", "--message", "As it lies there")
    _git(folder, "clone", "--quiet", str(origin), str(clone))
    for name in ("pip.conf", "ca.crt"):
        shutil.copy(folder / "secrets" / name, clone / name)
    for name in (".env", "movie_assets/.env", "data/secret"):  # what lies around
        (clone / name).parent.mkdir(exist_ok=True)
        (clone / name).write_text(f"TMDB_API_KEY={canary}\n")
    secrets = {name: {"file": f"./{name}"} for name in ("pip.conf", "ca.crt")}
    override = {"services": {"code": {"build": {"secrets": list(secrets)}}}, "secrets": secrets}
    (clone / "compose.override.yaml").write_text(yaml.safe_dump(override))
    arguments = " ".join(f"--secret id={name},src={name}" for name in secrets)
    for name, script in {
        "docker": 'case "$1 $*" in *" --secret "*) ;; "build "*) shift && '
        f'set -- build {arguments} "$@" ;; esac\nexec {engine.docker} "$@"',
        "curl": f"exec {shutil.which('curl')} --silent --show-error --fail --max-time 10 "
        '--retry 60 --retry-delay 2 --retry-all-errors "$@"',
    }.items():
        file = folder / "stand-ins" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)


def _git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=check", "-c", "user.email=check@localhost")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True)


def _base(project: Path) -> str:
    found = re.search(r"^ARG PYTHON_IMAGE=(.+)", (project / "Dockerfile").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def _bring_base(engine: Engine, stack: ExitStack) -> None:
    """The base image, from a registry where one can be reached, and else from one of our own."""
    base = _base(engine.clone)
    if engine.ask("images", "--quiet", base):
        return
    if engine.ask("pull", "--quiet", base, may_fail=True):
        say(f"{base} is that of the registry")
        return
    program = engine.folder / "engine" / "usr" / "bin" / "docker-registry"
    if not program.exists():
        raise WrongError(f"{base} cannot be pulled: your engine reaches no registry of images")
    stack.enter_context(_own_registry(program, engine.folder / "registry"))
    mirrored = f"{_REGISTRY}/library/{base}"
    stack.callback(engine.ask, "image", "rm", "--force", base, mirrored, may_fail=True)
    with subprocess.Popen(
        ["tar", "--create", "--directory", str(engine.folder / "base"), "."],
        stdout=subprocess.PIPE,
    ) as tar:
        subprocess.run(
            [engine.docker, "import", "-", mirrored],
            env=engine.variables,
            stdin=tar.stdout,
            stdout=subprocess.DEVNULL,
            check=True,
        )
    engine.ask("push", "--quiet", mirrored)
    engine.ask("image", "rm", "--force", mirrored)
    engine.ask("pull", "--quiet", base)
    say(f"Debian's Python stands in for {base}, in a registry of our own: no other can be reached")


@contextmanager
def _own_registry(program: Path, folder: Path) -> Iterator[None]:
    """Debian's registry of images, which the engine that is started here takes for a mirror."""
    folder.mkdir(exist_ok=True)
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
        "http": {"addr": _REGISTRY},
    }
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings))
    with (folder.parent / "registry.log").open("w") as log:
        process = subprocess.Popen(
            [str(program), "serve", str(folder / "settings.yaml")],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(folder)


def _clean_up(engine: Engine, todo: list[Step]) -> None:
    """Remove what the blocks made; what is not there any more is no error."""
    if (engine.clone / "compose.yaml").exists():
        down = ("compose", "down", "--volumes", "--remove-orphans", "--timeout", "20")
        engine.ask(*down, may_fail=True)
    images = engine.ask("images", "--quiet", "--no-trunc", "--filter", _TITLE_LABEL).split()
    for image in images:
        for container in engine.ask(
            "ps", "--all", "--quiet", "--filter", f"ancestor={image}"
        ).split():
            engine.ask("rm", "--force", container, may_fail=True)
    for volume in _volumes(todo):
        engine.ask("volume", "rm", "--force", volume, may_fail=True)
    for image in dict.fromkeys(images):
        engine.ask("image", "rm", "--force", image, may_fail=True)
    for made in (engine.clone, engine.folder / "origin", engine.folder / "stand-ins"):
        shutil.rmtree(made, ignore_errors=True)


def _volumes(todo: list[Step]) -> list[str]:
    """Volumes that blocks name themselves."""
    return sorted({name for step in todo for name in _VOLUME.findall(step.script)})


def _wait_for_ports() -> None:
    begun = time.monotonic()
    for port in _PORTS:
        while not _is_free(port):
            if time.monotonic() - begun > _PORT_SECONDS:
                raise WrongError(f"port {port} is taken, and was for {_PORT_SECONDS} s")
            time.sleep(2)


def _is_free(port: int) -> bool:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
