"""Runs an image as compose.yaml says, without an engine, and asks it what its users would ask.

Every service gets what compose.yaml gives it: its command, environment, volumes, temporary
folders, health check, a read-only root file system, the image's user, no capabilities, no new
privileges. All are in one network namespace that has nothing but a loopback, so that no port of
this machine is taken and nothing outside is reached. What is not there: limits of memory and
processors, an engine's seccomp profile, and an init process (each command is process 1 itself, as
on Kubernetes).

    running.py ROOT CONFIG.json COMPOSE.yaml FOLDER

ROOT is the image's root file system, CONFIG.json what ``buildah inspect --type image`` prints,
FOLDER where volumes and logs go. Where the image's processor is emulated, CHECK_PATIENCE says how
many times as long things may take. Root only.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PATIENCE = float(os.environ.get("CHECK_PATIENCE", "1"))
_BUILD_SECONDS = 900 * _PATIENCE
_START_SECONDS = 240 * _PATIENCE
_RUN_SECONDS = 300 * _PATIENCE
_COMMAND_SECONDS = 120 * _PATIENCE
_STOP_SECONDS = 30 * _PATIENCE
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


class WrongError(Exception):
    """Something is not as it should be; the message says what."""


@dataclass(frozen=True)
class Image:
    """An image that lies unpacked in a folder."""

    root: Path
    command: list[str]
    health: list[str]
    environment: dict[str, str]
    folder: str
    user: str
    group: str

    @classmethod
    def read(cls, root: Path, inspected: Path) -> Image:
        """From what ``buildah inspect --type image`` printed."""
        config = json.loads(inspected.read_text())["Docker"]["config"]
        user, _, group = config["User"].partition(":")
        return cls(
            root=root,
            command=config["Cmd"],
            health=config["Healthcheck"]["Test"][1:],
            environment=dict(variable.split("=", 1) for variable in config["Env"]),
            folder=config["WorkingDir"],
            user=user,
            group=group,
        )


@dataclass
class Container:
    """One service, in namespaces of its own but for the network."""

    name: str
    image: Image
    service: dict[str, Any]
    folder: Path
    network: int
    process: subprocess.Popen[bytes] | None = None
    mounts: list[str] = field(default_factory=list)

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.folder / f"{self.name}.log"

    @property
    def health(self) -> list[str]:
        """Its health check's command: compose.yaml's, or else the image's."""
        check = self.service.get("healthcheck")
        return _unescaped(check["test"][1:]) if check else self.image.health

    def start(self) -> None:
        """Start its command."""
        command = _unescaped(self.service.get("command", self.image.command))
        script = "\n".join(["set -e", *self._mounting(), "exec " + self._entering(command)])
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *("nsenter", f"--net=/proc/{self.network}/ns/net", "--"),
                    *("unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"),
                    *("--", "sh", "-c", script),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def run(
        self, *command: str, seconds: float = _COMMAND_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Run a command beside its own, as ``docker compose exec`` would."""
        return subprocess.run(
            [
                *("nsenter", f"--target={self.pid}", "--mount", "--net", "--pid", "--ipc", "--uts"),
                *("--", "sh", "-c", "exec " + self._entering(list(command))),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    @property
    def pid(self) -> int:
        """The number, on this machine, of its process 1."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        while not (found := children.read_text().split()):  # not there yet
            self.must_run()
            time.sleep(0.1)
        return int(found[0])

    def wait_until_healthy(self, seconds: float) -> float:
        """Wait for its health check to pass.

        Returns:
            The seconds that it took.
        """
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            self.must_run()
            if self.run(*self.health).returncode == 0:
                return time.monotonic() - begun
            time.sleep(_PATIENCE)  # asking takes its own time from what is asked after
        raise WrongError(f"{self.name} is not healthy after {seconds} s")

    def must_run(self) -> None:
        """Raise where its command has ended."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise WrongError(f"{self.name} has ended with exit code {self.process.returncode}")

    def stop(self) -> float:
        """Ask it to end.

        Returns:
            The seconds that it took.
        """
        assert self.process is not None
        begun = time.monotonic()
        os.kill(self.pid, signal.SIGTERM)
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise WrongError(f"{self.name} does not end within {_STOP_SECONDS} s") from None
        return time.monotonic() - begun

    def kill(self) -> None:
        """End it, whatever it is doing."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _mounting(self) -> list[str]:
        root = shlex.quote(str(self.image.root))
        hosts = shlex.quote(str(self.folder / "hosts"))
        lines = [
            "mount --make-rprivate /",
            f"mount --bind {root} {root}",
            f"mount --options remount,bind,ro,nodev {root}",
            f"mount --types proc --options nosuid,nodev,noexec proc {root}/proc",
            f"mount --types tmpfs --options mode=755 tmpfs {root}/dev",
            f"mkdir {root}/dev/shm",
            f"mount --types tmpfs --options mode=1777,size=64m tmpfs {root}/dev/shm",
            f"mount --bind {hosts} {root}/etc/hosts",
        ]
        for device in _DEVICES:
            lines += [
                f"touch {root}/dev/{device}",
                f"mount --bind /dev/{device} {root}/dev/{device}",
            ]
        for entry in self.service.get("tmpfs", ()):
            target, _, options = entry.partition(":")
            lines.append(f"mount --types tmpfs --options {options} tmpfs {root}{target}")
        for entry in self.service.get("volumes", ()):
            name, target, *options = entry.split(":")
            lines.append(
                f"mount --bind {shlex.quote(str(self._volume(name, target)))} {root}{target}"
            )
            if options == ["ro"]:
                lines.append(f"mount --options remount,bind,ro {root}{target}")
        return lines

    def _volume(self, name: str, target: str) -> Path:
        """A volume's folder; a new one has its content and owner from the image, as Docker's do."""
        volume = self.folder / "volumes" / name
        if not volume.exists():
            volume.parent.mkdir(parents=True, exist_ok=True)
            origin = self.image.root / target.lstrip("/")
            subprocess.run(["cp", "--archive", origin, volume], check=True)
        return volume

    def _entering(self, command: list[str]) -> str:
        image = self.image
        environment = image.environment | _environment(self.service.get("environment", {}))
        return shlex.join(
            [
                *("chroot", str(image.root), "/usr/bin/setpriv"),
                *(f"--reuid={image.user}", f"--regid={image.group}", "--clear-groups"),
                *("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--"),
                # A shell that starts this script in the background has it ignore SIGINT.
                *("/usr/bin/env", "--default-signal", "--ignore-environment"),
                f"--chdir={image.folder}",
                *(f"{name}={value}" for name, value in environment.items()),
                *command,
            ]
        )


def main(root: str, inspected: str, compose: str, folder: str) -> int:
    """Run the image and print what was found.

    Returns:
        The exit code: 1 where anything is wrong.
    """
    image = Image.read(Path(root), Path(inspected))
    services = yaml.safe_load(Path(compose).read_text())["services"]
    place = Path(folder).resolve()
    place.mkdir(parents=True, exist_ok=True)
    (place / "hosts").write_text("127.0.0.1 localhost " + " ".join(services) + "\n")
    containers: dict[str, Container] = {}
    try:
        with ExitStack() as stack:
            network = stack.enter_context(_network())
            for name, service in services.items():
                containers[name] = Container(name, image, service, place, network)
                stack.callback(containers[name].kill)
            _check(containers)
    except (WrongError, subprocess.TimeoutExpired) as error:
        for container in containers.values():
            if container.log.exists():
                print(f"--- {container.name}\n{container.log.read_text()[-3000:]}", file=sys.stderr)
        print(f"WRONG {error}", file=sys.stderr)
        return 1
    return 0


def _check(containers: dict[str, Container]) -> None:
    code, api = containers["code"], containers["api"]
    api.start()
    _say(f"api is healthy {api.wait_until_healthy(_START_SECONDS):.0f} s after its start")
    _expect("the API is not ready before anything is published", _status(api, "/ready") == 503)
    code.start()
    _say(f"code is healthy {code.wait_until_healthy(_BUILD_SECONDS):.0f} s after its start: built")
    _wait_for("the API to be ready", lambda: _status(api, "/ready") == 200, _RUN_SECONDS)
    for name in ("webserver", "daemon"):
        containers[name].start()
    for name in ("webserver", "daemon"):
        seconds = containers[name].wait_until_healthy(_START_SECONDS)
        _say(f"{name} is healthy {seconds:.0f} s after its start")
    for container in containers.values():
        _check_confinement(container)
    _expect(
        "the API cannot write what is published",
        api.run("touch", "/data/published/x").returncode != 0,
    )
    _check_answers(api)
    _check_pipeline(code, containers["webserver"])
    for container in containers.values():
        container.must_run()
        _say(f"{container.name}: {_memory(container):,.0f} MB resident at most in any process")
    for container in reversed(containers.values()):
        seconds = container.stop()
        assert container.process is not None
        _say(
            f"{container.name} ends {seconds:.1f} s after SIGTERM, exit code "
            f"{container.process.returncode}"
        )


def _check_confinement(container: Container) -> None:
    status = container.run("cat", "/proc/1/status").stdout
    found = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    confined = (
        found["Uid"].split() == [container.image.user] * 4
        and found["NoNewPrivs"] == "1"
        and int(found["CapEff"], 16) == int(found["CapBnd"], 16) == 0
        and all(
            container.run("touch", f"{folder}/x").returncode for folder in ("/", "/app", "/opt")
        )
    )
    _expect(
        f"{container.name} is not root, has no capabilities, and cannot write to the image",
        confined,
    )


def _check_answers(api: Container) -> None:
    _say(f"/ready says {_answer(api, '/ready').strip()[:300]}")
    found = json.loads(_answer(api, "/v1/movies?q=heat"))
    _expect("a search finds films", "Heat" in json.dumps(found))
    for path in ("/", "/metrics", "/openapi.json", "/docs"):
        _expect(f"{path} answers", _status(api, path) == 200)


def _check_pipeline(code: Container, webserver: Container) -> None:
    build = code.run("movie-assets", "build", seconds=_BUILD_SECONDS)
    _expect("another build has nothing to do", "nothing ran" in build.stdout)
    answer = code.run("movie-assets", "recommend", "Heat", "--number", "3")
    _expect("movie-assets recommend answers", answer.returncode == 0)
    run = _graphql(webserver, _LAUNCH)["launchRun"]
    _expect("a run can be launched from the web UI", "run" in run)

    def status() -> str:
        query = _RUN % json.dumps(run["run"]["runId"])
        return str(_graphql(webserver, query)["runOrError"]["status"])

    _wait_for(
        "the run to end", lambda: status() in {"SUCCESS", "FAILURE", "CANCELED"}, _RUN_SECONDS
    )
    _expect("the run, on the code server, succeeds", status() == "SUCCESS")


_LAUNCH = """mutation { launchRun(executionParams: {
    selector: {repositoryLocationName: "movie_assets", repositoryName: "__repository__",
               jobName: "refresh"}, runConfigData: "{}"}) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_RUN = "{ runOrError(runId: %s) { ... on Run { status } } }"


def _graphql(webserver: Container, query: str) -> Any:
    code = (
        "import sys, urllib.request as r; print(r.urlopen(r.Request("
        "'http://127.0.0.1:3000/graphql', sys.argv[1].encode(), "
        f"{{'Content-Type': 'application/json'}}), timeout={_COMMAND_SECONDS})"
        ".read().decode())"
    )
    answer = webserver.run("python3", "-c", code, json.dumps({"query": query}))
    if answer.returncode:
        raise WrongError(f"the web UI's GraphQL: {answer.stderr[-500:]}")
    return json.loads(answer.stdout)["data"]


def _status(api: Container, path: str) -> int:
    return int(_get(api, path, "print(a.status)"))


def _answer(api: Container, path: str) -> str:
    return _get(api, path, "print(a.read().decode())")


def _get(api: Container, path: str, then: str) -> str:
    code = (
        "import sys, http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, "
        f"timeout={_COMMAND_SECONDS}); "
        f"c.request('GET', sys.argv[1]); a = c.getresponse(); {then}"
    )
    answer = api.run("python3", "-c", code, path)
    if answer.returncode:
        raise WrongError(f"GET {path}: {answer.stderr[-500:]}")
    return answer.stdout


def _memory(container: Container) -> float:
    """The largest peak of any of its processes, in MB."""
    peaks = container.run("sh", "-c", "grep -h VmHWM /proc/[0-9]*/status").stdout
    return max(int(line.split()[1]) for line in peaks.splitlines()) / 1000


def _environment(entries: list[str] | dict[str, str]) -> dict[str, str]:
    """Of what compose.yaml names: what has a value there. The rest comes from nobody's shell."""
    return {} if isinstance(entries, list) else {k: str(v) for k, v in entries.items()}


def _unescaped(command: list[str]) -> list[str]:
    return [word.replace("$$", "$") for word in command]


@contextmanager
def _network() -> Iterator[int]:
    """A process in a network namespace of its own, with a loopback."""
    holder = subprocess.Popen(
        ["unshare", "--net", "--", "sh", "-c", "ip link set lo up && exec sleep infinity"]
    )
    try:
        time.sleep(0.5)
        if holder.poll() is not None:
            raise WrongError("a network namespace cannot be made here")
        yield holder.pid
    finally:
        holder.kill()
        holder.wait()


def _wait_for(what: str, is_so: Callable[[], bool], seconds: float) -> None:
    begun = time.monotonic()
    while not is_so():
        if time.monotonic() - begun > seconds:
            raise WrongError(f"waited {seconds} s for {what}")
        time.sleep(0.5)
    _say(f"waited {time.monotonic() - begun:.1f} s for {what}")


def _expect(what: str, is_so: bool) -> None:
    if not is_so:
        raise WrongError(f"not so: {what}")
    _say(what)


def _say(what: str) -> None:
    print(f"ok    {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
