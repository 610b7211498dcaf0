"""A Kubernetes cluster of one node, out of programs that lie in a folder: how it is started.

What is checked on it is cluster.py's. It must be started as process 1 of namespaces of its own
(processes, mounts, network), as check.sh does: whatever it starts, mounts and routes then ends with
it. The cluster needs no network but its own.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from verdicts import WrongError, say

NAME = "check"
#: Addresses that are nobody's elsewhere (RFC 5737), and the ranges that kubeadm takes.
_NODE = "192.0.2.1"
_PODS = "10.244.0.0/24"
_SERVICES = "10.96.0.0/16"
#: Folders that all these programs write to, wherever their data are.
_OWN = ("/run", "/var/lib", "/var/log")
#: What kubelet writes into the kernel if it is not there. It gets files that say so instead: the
#: machine's settings stay as they are.
_KERNEL = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
_SECONDS = 120


class Node:
    """The programs, their settings, and what they print, in FOLDER/cluster."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "cluster"
        self.programs = folder / "kubernetes-programs"
        self.kubectl = folder / "tools" / "bin" / "kubectl"
        self.kubeconfig = self.home / "kubeconfig"
        self.started: dict[str, subprocess.Popen[bytes]] = {}
        found = [self.programs / name for name in ("bin", "usr/bin", "usr/sbin")]
        path = (
            ":".join(map(str, found))
            + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        )
        self.variables = {"PATH": path, "HOME": str(self.home), "KUBECONFIG": str(self.kubeconfig)}

    def run(self, *command: str | Path) -> str:
        """What a command prints, which must succeed."""
        done = subprocess.run(
            command, env=self.variables, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise WrongError(f"{' '.join(map(str, command))}: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def containers(self, *arguments: str | Path) -> str:
        """What containerd's client prints of Kubernetes' containers."""
        return self.run("ctr", "--namespace", "k8s.io", *arguments)

    def start(self, program: str, *flags: str) -> None:
        """Start a program that stays."""
        with (self.home / f"{program}.log").open("wb") as log:
            self.started[program] = subprocess.Popen(
                [program, *flags],
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait(self, what: str, is_there: Callable[[], bool]) -> None:
        """Wait for what the programs are to bring about, as long as they run."""
        begun = time.monotonic()
        while not is_there():
            for program, process in self.started.items():
                if process.poll() is not None:
                    log = (self.home / f"{program}.log").read_text(errors="replace")
                    raise WrongError(f"{program} ended with {process.returncode}: {log[-2000:]}")
            if time.monotonic() - begun > _SECONDS:
                raise WrongError(f"after {_SECONDS} s: no {what}; see {self.home}/*.log")
            time.sleep(0.5)

    def succeeds(self, *command: str | Path) -> bool:
        """Whether a command does."""
        quiet = subprocess.DEVNULL
        return (
            subprocess.run(
                command, env=self.variables, stdout=quiet, stderr=quiet, check=False
            ).returncode
            == 0
        )


@contextmanager
def node(folder: Path, images: list[Path]) -> Iterator[Node]:
    """A node that is ready and has the images of these archives; ended with the process."""
    if os.getpid() != 1:
        raise WrongError("a node is started in namespaces of its own: by deploy/check.sh cluster")
    made = Node(folder)
    _place(made)
    _settings(made)
    _control_plane(made)
    _runtime(made, images)
    _kubelet(made)
    version = json.loads(made.run(made.kubectl, "version", "--output", "json"))
    say(
        f"a node is ready: Kubernetes {version['serverVersion']['gitVersion']}, "
        f"kubectl {version['clientVersion']['gitVersion']}, "
        f"containerd {made.run('containerd', '--version').split()[2]}"
    )
    yield made


def _place(made: Node) -> None:
    """Folders, the kernel's settings and an address, as only this process and its own see them."""
    for folder in _OWN:
        if made.home.is_relative_to(folder):
            raise WrongError(f"CHECK_FOLDER is below {folder}, which the cluster needs for itself")
        made.run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    for name, value in _KERNEL.items():
        file = made.home / name.replace("/", "-")
        file.write_text(f"{value}\n")
        made.run("mount", "--bind", file, f"/proc/sys/{name}")
    for command in (
        "link set lo up",
        "link add node0 type veth peer name elsewhere0",
        f"address add {_NODE}/24 dev node0",
        "link set node0 up",
        "link set elsewhere0 up",
        "route add default dev node0",
    ):
        made.run("ip", *command.split())
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")


def _settings(made: Node) -> None:
    """Who may ask what; how pods are connected; what containerd and kubelet are told."""
    token = secrets.token_hex(16)
    (made.home / "tokens.csv").write_text(f"{token},admin,admin,system:masters\n")
    (made.home / "tokens.csv").chmod(0o600)
    made.run("openssl", "genrsa", "-out", made.home / "accounts.key", "2048")
    cluster = {"server": "https://127.0.0.1:6443", "insecure-skip-tls-verify": True}
    settings: dict[str, object] = {
        "kubeconfig": {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": NAME,
            "clusters": [{"name": NAME, "cluster": cluster}],
            "users": [{"name": NAME, "user": {"token": token}}],
            "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME}}],
        },
        "kubelet.yaml": {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "cgroupDriver": "cgroupfs",
            "failSwapOn": False,
            "evictionHard": {"memory.available": "100Mi"},
        },
        "network/check.conflist": {
            "cniVersion": "0.4.0",
            "name": NAME,
            "plugins": [
                {
                    "type": "ptp",
                    "ipam": {
                        "type": "host-local",
                        "dataDir": "/run/addresses",
                        "ranges": [[{"subnet": _PODS}]],
                        "routes": [{"dst": "0.0.0.0/0"}],
                    },
                }
            ],
        },
    }
    (made.home / "network").mkdir()
    for name, content in settings.items():
        # JSON is YAML, too.
        (made.home / name).write_text(json.dumps(content))
    made.kubeconfig.chmod(0o600)
    (made.home / "containerd.toml").write_text(
        f"""version = 2
root = "{made.home}/containerd"
[plugins."io.containerd.internal.v1.opt"]
  path = "{made.home}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:check"
  # Nobody's score is lowered, where root may not do that.
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{made.programs}/usr/lib/cni"
  conf_dir = "{made.home}/network"
"""
    )


def _control_plane(made: Node) -> None:
    made.start("etcd", "--data-dir=/var/lib/etcd")
    made.start(
        "kube-apiserver",
        "--etcd-servers=http://127.0.0.1:2379",
        f"--advertise-address={_NODE}",
        "--cert-dir=/var/lib/kube-apiserver",
        f"--service-cluster-ip-range={_SERVICES}",
        f"--token-auth-file={made.home}/tokens.csv",
        "--authorization-mode=AlwaysAllow",
        "--service-account-issuer=https://check.internal",
        f"--service-account-signing-key-file={made.home}/accounts.key",
        f"--service-account-key-file={made.home}/accounts.key",
        "--kubelet-preferred-address-types=InternalIP",
    )
    made.wait("API server", lambda: made.succeeds(made.kubectl, "get", "--raw", "/readyz"))
    asks = (f"--kubeconfig={made.kubeconfig}", "--leader-elect=false")
    made.start(
        "kube-controller-manager",
        *asks,
        f"--service-account-private-key-file={made.home}/accounts.key",
    )
    made.start("kube-scheduler", *asks)


def _runtime(made: Node, images: list[Path]) -> None:
    made.start("containerd", "--config", str(made.home / "containerd.toml"))
    made.wait("containerd", lambda: made.succeeds("ctr", "version"))
    for image in images:
        made.containers("images", "import", image)


def _kubelet(made: Node) -> None:
    made.start(
        "kubelet",
        f"--config={made.home}/kubelet.yaml",
        f"--kubeconfig={made.kubeconfig}",
        f"--hostname-override={NAME}",
        f"--node-ip={_NODE}",
        "--container-runtime=remote",
        "--container-runtime-endpoint=unix:///run/containerd/containerd.sock",
    )
    made.start(
        "kube-proxy",
        f"--kubeconfig={made.kubeconfig}",
        f"--hostname-override={NAME}",
        f"--cluster-cidr={_PODS}",
        "--proxy-mode=iptables",
        # The kernel takes these for the whole machine only.
        "--conntrack-max-per-core=0",
        "--conntrack-min=0",
        "--conntrack-tcp-timeout-established=0s",
        "--conntrack-tcp-timeout-close-wait=0s",
    )
    ready = ("wait", f"node/{NAME}", "--for=condition=Ready", "--timeout=1s")
    made.wait("node that is ready", lambda: made.succeeds(made.kubectl, *ready))


def apply(made: Node, *objects: dict[str, object]) -> None:
    """Give objects to the cluster."""
    file = made.home / "objects.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    made.run(made.kubectl, "apply", "--filename", file)
