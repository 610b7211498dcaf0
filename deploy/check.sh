#!/usr/bin/env bash
# Checks the Dockerfile, compose.yaml and the Kubernetes manifests, also where no Docker engine runs.
#
#   deploy/check.sh lint     everything that can be read: hadolint, shellcheck, yamllint, docker
#                            compose's own parser, kustomize, Kubernetes' schemas, and whether docker
#                            and kubectl take the commands in the documentation
#   deploy/check.sh image    builds the image for real and runs it as compose.yaml says
#   deploy/check.sh          both
#   deploy/check.sh engine   runs the docker commands of docs/deploy.md and docs/tutorial.md on a
#                            real engine
#   deploy/check.sh cluster  runs docs/deploy.md's kubectl commands on a real cluster of one node
#
# `lint` needs Python 3.11, pip, and either Docker's command with compose and buildx or a Debian or
# Ubuntu machine (they are then taken from its archive, and not installed). `image` needs root
# on Debian or Ubuntu, some 5 GB of disk, and: apt-get install mmdebstrap buildah iproute2
# `engine` needs root on Debian or Ubuntu, some 8 GB of disk, the ports 8000, 3000 and 5055, and: apt-get
# install mmdebstrap runc iptables curl git. It starts an engine of Debian's packages, which are not
# installed, with data of its own, and ends it (docker0 and Docker's chains of iptables stay);
# where DOCKER_HOST is set it uses that one, from 25 on.
# `cluster` needs root on Debian 12 (newer ones were not tried), some 10 GB of disk, and: apt-get
# install mmdebstrap buildah runc iptables iproute2 openssl gcc libc6-dev. It compiles Kubernetes of
# Debian's source, once for a CHECK_FOLDER, and runs it in namespaces of its own, which end with it.
#
# The base image cannot be pulled without a registry, so Debian's own packages of the same release
# and Python stand in for it; the Dockerfile is the one that Docker gets. pip's configuration and
# certificates are taken from this machine as secrets of the build.
#
#   CHECK_FOLDER=/some/where   keep what is made there: a base file system that is there is used again
#   CHECK_STORAGE=overlay      buildah's storage driver: faster than vfs, where the kernel lets it
#   CHECK_ARCHITECTURE=arm64   `image` for this processor, or amd64; one that is not here is emulated
#                              by qemu (of Debian's archive, not installed), which takes some ten
#                              times as long, and: apt-get install arch-test
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
folder=${CHECK_FOLDER:-$(mktemp -d)}
image=localhost/movie-assets:check
canary='canary-of-deploy-check' # stands for secrets, and must not be found in the image
base=$(sed -n 's/^ARG PYTHON_IMAGE=//p' "$here/Dockerfile")
release=${base##*-}
versions='1.31 1.34 1.37' # of Kubernetes: the oldest and the newest that the manifests are for
binfmt=/proc/sys/fs/binfmt_misc
registered='' mounted='' cluster='' namespaces='' # what clean_up takes back

main() {
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)
    trap clean_up EXIT
    case "${1:-all}" in
    lint) lint ;;
    image) build_and_run ;;
    all)
        lint # not joined by &&, which would let it go on behind an error
        build_and_run
        ;;
    engine) on_engine ;;
    cluster) on_cluster ;;
    *) die "usage: deploy/check.sh [lint|image|engine|cluster]" ;;
    esac
    say "all is well"
}

# --- lint -------------------------------------------------------------------------------------

lint() {
    tools
    "$folder/tools/bin/hadolint" "$here/Dockerfile"
    say "hadolint: the Dockerfile"
    "$folder/tools/bin/shellcheck" "$here/deploy/check.sh"
    say "shellcheck: deploy/check.sh"
    "$folder/tools/bin/yamllint" --strict --config-data \
        '{extends: default, rules: {line-length: {max: 120}, document-start: disable}}' \
        "$here/compose.yaml" "$here/deploy"
    say "yamllint: compose.yaml and deploy/"
    docker_command
    lint_compose
    lint_kubernetes
    local taken
    taken=$("$folder/tools/bin/python" "$here/deploy/checks/commands.py" \
        "$here" "$folder/docker-config" "$docker" "$folder/tools/bin/kubectl")
    say "docker and kubectl: $taken"
}

lint_compose() {
    local compose=("$docker" --config "$folder/docker-config" compose)
    (cd "$here" && TMDB_API_KEY=a-canary MOVIE_API_KEYS=another "${compose[@]}" \
        --env-file /dev/null config --format json) >"$folder/compose.json"
    # Who is given which secret, as compose itself reads the file.
    "$folder/tools/bin/python" - "$folder/compose.json" <<'PYTHON'
import json, sys
services = json.load(open(sys.argv[1]))["services"]
given = {
    name: sorted(key for key in service["environment"] if service["environment"][key] in ("a-canary", "another"))
    for name, service in services.items()
}
expected = {"code": ["TMDB_API_KEY"], "api": ["MOVIE_API_KEYS"], "webserver": [], "daemon": []}
sys.exit(0 if given == expected else f"not the secrets that each service is to have: {given}")
PYTHON
    say "docker compose $("${compose[@]}" version --short): compose.yaml; each service has its own secrets only"
}

# Docker's command with its plugins, and a configuration of its own: no engine is needed.
docker_command() {
    local plugins=
    docker=$(command -v docker || true)
    if [[ -z $docker ]] || ! docker compose version >"$folder/docker.log" 2>&1 ||
        ! docker buildx version >>"$folder/docker.log" 2>&1; then
        docker_of_debian
        docker=$folder/docker/usr/bin/docker
        plugins="\"$folder/docker/usr/libexec/docker/cli-plugins\""
    elif [[ -d ~/.docker/cli-plugins ]]; then
        plugins="\"$(cd ~/.docker/cli-plugins && pwd)\""
    fi
    mkdir -p "$folder/docker-config"
    echo "{\"cliPluginsExtraDirs\": [$plugins]}" >"$folder/docker-config/config.json"
}

docker_of_debian() {
    [[ -x $folder/docker/usr/bin/docker ]] && return
    command -v dpkg >/dev/null || die "neither docker with compose and buildx nor Debian's packages are here"
    extract "$folder/docker" docker-cli docker-compose docker-buildx
}

# Debian's packages of the base image's release, in a folder: nothing is installed.
extract() {
    local target=$1
    shift
    apt_sources >"$folder/apt.list"
    mkdir -p "$target"
    (
        cd "$target"
        own_apt update && own_apt download "$@"
        for package in *.deb; do dpkg --extract "$package" .; done
    ) >"$folder/apt.log" 2>&1 || die "$* cannot be had of Debian: see $folder/apt.log"
}

# apt with the sources of $folder/apt.list alone, and lists of its own.
own_apt() {
    mkdir -p "$folder/lists/partial"
    apt-get -qq -o "Dir::Etc::SourceList=$folder/apt.list" -o Dir::Etc::SourceParts=- \
        -o "Dir::State::Lists=$folder/lists" -o APT::Sandbox::User=root "$@"
}

lint_kubernetes() {
    local overlay version
    # The component, in an overlay as one would write it.
    rm -rf "$folder/kubernetes" && cp -r "$here/deploy/kubernetes" "$folder/"
    cp -r "$folder/kubernetes/example" "$folder/kubernetes/on-one-node"
    echo 'components: [../one-node]' >>"$folder/kubernetes/on-one-node/kustomization.yaml"
    for overlay in base example on-one-node; do
        "$folder/tools/bin/kubectl" kustomize "$folder/kubernetes/$overlay" >"$folder/$overlay.yaml"
        for version in $versions; do
            "$folder/tools/bin/kubernetes-validate" --strict --quiet --no-warn \
                --kubernetes-version "$version" "$folder/$overlay.yaml"
        done
    done
    say "kustomize, and Kubernetes' strict schemas of $versions: deploy/kubernetes"
}

# --- image ------------------------------------------------------------------------------------

build_and_run() {
    [[ $(id -u) == 0 ]] || die "root is needed to make and run an image without an engine"
    need 'mmdebstrap buildah iproute2' mmdebstrap buildah ip unshare nsenter
    tools
    architecture=${CHECK_ARCHITECTURE:-$(dpkg --print-architecture)}
    can_run
    make_base
    [[ $architecture == arm64 ]] || check_arm64
    build
    check_layers
    local container root
    container=$(builder from --pull-never --arch "$architecture" "$image")
    root=$(builder mount "$container")
    is_for_architecture "$container" "$root"
    builder inspect --type image "$image" >"$folder/config.json"
    rm -rf "$folder/run"
    "$folder/tools/bin/python" "$here/deploy/checks/running.py" \
        "$root" "$folder/config.json" "$here/compose.yaml" "$folder/run"
}

# Another processor's programs are run by qemu, if the kernel is told to; clean_up takes that back.
# It is the release's own, also where this machine has one that is registered: under qemu 7.2 Python
# is five times as slow as under 10.0.
can_run() {
    [[ $architecture != "$(dpkg --print-architecture)" ]] || return 0
    local machine qemu=$folder/qemu/usr/bin/qemu-$architecture
    case "$architecture" in
    amd64) machine='\x3e' ;;
    arm64) machine='\xb7' ;;
    *) die "CHECK_ARCHITECTURE is amd64 or arm64, not $architecture" ;;
    esac
    need arch-test arch-test
    [[ -x $qemu ]] || extract "$folder/qemu" qemu-user
    if [[ ! -e $binfmt/register ]]; then
        mount --types binfmt_misc none "$binfmt" || die "this kernel runs no other processors' programs"
        mounted=$binfmt
    fi
    # The kernel reads the escapes: the first bytes of a program, which of their bits count, and who
    # runs it, before all that were registered earlier. F: qemu is opened now, so that it need not be
    # in the image.
    local name=movie-assets-check-$$ zeros='\x00\x00\x00\x00\x00\x00\x00\x00' ones='\xff\xff\xff\xff\xff\xff\xff'
    printf '%s' ":$name:M::\x7fELF\x02\x01\x01\x00$zeros\x02\x00$machine\x00:$ones\x00$ones\xff\xfe\xff\xff\xff:$qemu:F" \
        >"$binfmt/register" || die "the kernel does not take qemu, by $binfmt/register"
    registered=$binfmt/$name
    arch-test "$architecture" >/dev/null || die "programs for $architecture do not run here"
    export CHECK_PATIENCE=15 # running.py waits so many times as long
    say "qemu $("$qemu" --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p') runs programs for $architecture"
}

is_for_architecture() {
    local said found
    said=$(builder inspect --type image --format '{{.OCIv1.Architecture}}' "$image")
    [[ $said == "$architecture" ]] || die "the image says that it is for $said, not $architecture"
    # As its own Python has it, which is a program for that processor, as are the packages' libraries.
    found=$(builder run "$1" -- python3 -c \
        'import platform, duckdb, numba, numpy, pyarrow, scipy, sklearn; print(platform.machine())')
    case "$architecture $found" in
    'amd64 x86_64' | 'arm64 aarch64') ;;
    *) die "the image is for $architecture, and its Python runs on $found" ;;
    esac
    say "the image is for $architecture: its Python runs on $found, and so do the packages' libraries"
}

builder() {
    BUILDAH_ISOLATION=chroot buildah --storage-driver "${CHECK_STORAGE:-vfs}" \
        --root "$folder/storage" --runroot "$folder/storage-run" "$@"
}

# Debian's Python stands where the image's does.
base_files() {
    local files=$folder/base-$architecture
    if [[ ! -e $files ]]; then
        rm -rf "$files.part"
        apt_sources >"$folder/apt.list"
        # can_run has seen to qemu; mmdebstrap's own check wants one that is installed.
        # shellcheck disable=SC2016 # $1 is mmdebstrap's
        mmdebstrap --architectures="$architecture" --variant=minbase --format=directory --skip=check/qemu \
            --include=python3,python3-venv \
            --customize-hook='ln -s ../../bin/python3 "$1/usr/local/bin/python3"' \
            "$release" "$files.part" "$folder/apt.list" >"$folder/mmdebstrap.log" 2>&1 ||
            die "the base file system could not be made: see $folder/mmdebstrap.log"
        mv "$files.part" "$files"
    fi
}

make_base() {
    base_files
    rm -rf "$folder/storage" "$folder/storage-run"
    local container wanted found
    container=$(builder from --arch "$architecture" scratch)
    builder add --quiet "$container" "$folder/base-$architecture" / >/dev/null
    builder config --arch "$architecture" "$container"
    found=$(builder run "$container" -- python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    wanted=${base#*:} && wanted=${wanted%%-*}
    [[ $found == "$wanted" ]] || die "Debian $release has Python $found, and the Dockerfile wants $wanted"
    builder commit --quiet "$container" "docker.io/library/$base" >/dev/null
    builder rm "$container" >/dev/null
    say "a base of Debian $release with Python $found stands in for $base"
}

# No processor of that kind is here: what can be seen is that there is a wheel of everything.
check_arm64() {
    pip_configuration
    local container
    container=$(builder from --pull-never "docker.io/library/$base")
    builder run --network=host --volume "$here/requirements.lock:/requirements.lock:ro" \
        --volume "$folder/secrets:/run/secrets:ro" --env PIP_CONFIG_FILE=/run/secrets/pip.conf \
        "$container" -- sh -c 'python3 -m venv /venv && /venv/bin/pip install --quiet --dry-run \
        --no-cache-dir --ignore-installed --no-deps --target /nowhere --require-hashes \
        --only-binary=:all: --platform manylinux2014_aarch64 --platform manylinux_2_28_aarch64 \
        --requirement /requirements.lock' >"$folder/arm64.log" 2>&1 ||
        die "not everything is there for arm64: see $folder/arm64.log"
    builder rm "$container" >/dev/null
    say "arm64: every package of requirements.lock has a wheel of the locked hash"
}

build() {
    local context=$folder/context revision
    revision=$(git -C "$here" rev-parse HEAD)
    rm -rf "$context" && mkdir -p "$context"
    git -C "$here" ls-files -z --cached --others --exclude-standard |
        (cd "$here" && while IFS= read -r -d '' file; do [[ -e $file ]] && printf '%s\0' "$file"; done) |
        tar --create --directory="$here" --null --files-from=- | tar --extract --directory="$context"
    # What lies around in a checkout that is used, and must not get into the image.
    mkdir -p "$context/data" "$context/movie_assets/__pycache__"
    for file in .env movie_assets/.env data/secret movie_assets/__pycache__/secret.pyc; do
        echo "TMDB_API_KEY=$canary" >"$context/$file"
    done
    pip_configuration
    (
        cd "$context"
        builder bud --quiet --network=host --pull-never --format docker --arch "$architecture" \
            --secret "id=pip.conf,src=$folder/secrets/pip.conf" \
            --secret "id=ca.crt,src=$folder/secrets/ca.crt" \
            --build-arg "REVISION=$revision" --tag "$image" .
    ) >"$folder/build.log" 2>&1 || { tail -n 40 "$folder/build.log" >&2; die "the build failed"; }
    say "the Dockerfile builds"
}

# The rest of this machine's configuration names folders that are only here.
pip_configuration() {
    local name value certificate=
    mkdir -p "$folder/secrets"
    {
        echo '[global]'
        echo "# $canary"
        for name in index-url proxy trusted-host timeout; do
            ! value=$(python3 -m pip config get "global.$name" 2>/dev/null) || echo "$name = $value"
        done
        certificate=${PIP_CERT:-$(python3 -m pip config get global.cert 2>/dev/null || true)}
        [[ -z $certificate ]] || echo 'cert = /run/secrets/ca.crt'
    } >"$folder/secrets/pip.conf"
    { cat "${certificate:-/dev/null}" && echo "# $canary"; } >"$folder/secrets/ca.crt"
}

check_layers() {
    local layers
    layers=$(builder inspect --type image "docker.io/library/$base" |
        "$folder/tools/bin/python" -c 'import json, sys; print(len(json.load(sys.stdin)["OCIv1"]["rootfs"]["diff_ids"]))')
    rm -f "$folder/image.tar"
    builder push --quiet "$image" "docker-archive:$folder/image.tar"
    "$folder/tools/bin/python" "$here/deploy/checks/layers.py" "$folder/image.tar" "$layers" "$canary"
    rm -f "$folder/image.tar"
}

# --- engine -----------------------------------------------------------------------------------

# runc is this machine's: a newer release's asks for a newer C library than may be here.
on_engine() {
    [[ $(id -u) == 0 ]] || die "root is needed to start an engine"
    need 'mmdebstrap runc iptables curl git' mmdebstrap runc iptables curl git
    tools
    docker_command
    if [[ -z ${DOCKER_HOST:-} && ! -x $folder/engine/usr/bin/docker-registry ]]; then
        extract "$folder/engine" docker.io containerd tini docker-registry
    fi
    architecture=$(dpkg --print-architecture)
    base_files
    ln -sfn "base-$architecture" "$folder/base"
    pip_configuration
    "$folder/tools/bin/python" "$here/deploy/checks/engine.py" "$here" "$folder" "$docker" "$canary"
}

# --- cluster ----------------------------------------------------------------------------------

on_cluster() {
    [[ $(id -u) == 0 ]] || die "root is needed to start a cluster"
    need 'mmdebstrap buildah runc iptables iproute2 openssl gcc libc6-dev' \
        mmdebstrap buildah unshare nsenter runc iptables ip openssl gcc
    local group
    for group in /sys/fs/cgroup/kubepods /sys/fs/cgroup/*/kubepods; do
        [[ ! -e $group ]] || die "a kubelet runs on this machine, or did: $group is there"
    done
    tools
    kubernetes_programs
    architecture=$(dpkg --print-architecture)
    make_base
    build
    archive "$image" image.tar localhost/movie-assets:0.1.0
    pause_image
    cluster=$folder/cluster
    rm -rf "$cluster" && mkdir "$cluster"
    # Behind it, for bash takes no signal while it waits for what runs in front.
    unshare --net --mount --pid --fork --kill-child --mount-proc \
        "$folder/tools/bin/python" "$here/deploy/checks/cluster.py" "$here" "$folder" "$canary" </dev/null &
    namespaces=$!
    wait "$namespaces"
}

# Kubernetes' programs, and what they start. Debian has the whole of Kubernetes as source in bookworm
# only, and compiled nowhere: newer releases have the client alone.
kubernetes_programs() {
    local release=bookworm target=$folder/kubernetes-programs
    [[ ! -e $target/.complete ]] || return 0
    rm -rf "$target"
    extract "$target" etcd-server containerd containernetworking-plugins golang-1.19-go golang-1.19-src
    sed -i 's/^deb /deb-src /' "$folder/apt.list"
    (cd "$target" && own_apt update && own_apt source --download-only kubernetes) \
        >>"$folder/apt.log" 2>&1 || die "Kubernetes' source cannot be had of Debian: see $folder/apt.log"
    compile_kubernetes "$target" >"$folder/kubernetes.log" 2>&1 ||
        die "Kubernetes cannot be compiled: see $folder/kubernetes.log"
    rm -rf "$target"/*.deb "$target"/kubernetes_* "$target/go" "$target"/usr/{lib,share}/go-1.19
    touch "$target/.complete"
    say "Kubernetes is compiled of the source in Debian $release"
}

# What its makefiles do, which need git and more tools. Only the API's description is generated:
# everything else is in the source.
compile_kubernetes() (
    set -e # the caller's || has switched it off
    local target=$1 go=$1/usr/lib/go-1.19 project=$1/go/src/k8s.io/kubernetes version names='' name
    mkdir -p "$project" "$target/bin"
    tar --extract --file "$(echo "$target"/kubernetes_*.orig.tar.gz)" --directory "$project" --strip-components 1
    cd "$project"
    export GOROOT=$go GOPATH=$target/go GOCACHE=$target/go/cache GO111MODULE=off GOPROXY=off CGO_ENABLED=0
    "$go/bin/go" install ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
    "$GOPATH/bin/openapi-gen" --logtostderr --input-dirs "$(described)" --report-filename "$target/go/report" \
        --output-package k8s.io/kubernetes/pkg/generated/openapi --output-file-base zz_generated.openapi \
        --go-header-file vendor/k8s.io/code-generator/hack/boilerplate.go.txt
    version=$(echo "$target"/kubernetes_*.orig.tar.gz) # kubernetes_1.20.5+really1.20.2.orig.tar.gz
    version=${version##*really} && version=${version%.orig*}
    for name in component-base client-go/pkg; do
        names+=" -X k8s.io/kubernetes/vendor/k8s.io/$name/version.gitVersion=v$version"
    done
    for name in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy; do
        "$go/bin/go" build -trimpath -ldflags "-s -w$names" -o "$target/bin/$name" "./cmd/$name"
    done
    gcc -Os -Wall -static -DVERSION="v$version" -o "$target/bin/pause" build/pause/linux/pause.c
)

# The packages that are part of the API's description, joined by commas.
described() {
    grep --dereference-recursive --files-with-matches --include='*.go' '+k8s:openapi-gen=' pkg vendor/k8s.io |
        grep --invert-match --extended-regexp '_test.go$|^vendor/k8s.io/(code-generator|sample-[a-z]+|kube-openapi|gengo)/' |
        xargs --max-args=1 dirname | sort --unique | sed 's,^,k8s.io/kubernetes/,' | paste --serial --delimiters=,
}

# What holds a pod's namespaces while its containers come and go.
pause_image() {
    local container
    container=$(builder from scratch)
    builder add --quiet "$container" "$folder/kubernetes-programs/bin/pause" /pause >/dev/null
    builder config --entrypoint '["/pause"]' --user 65535:65535 "$container"
    builder commit --quiet "$container" localhost/pause:check >/dev/null
    builder rm "$container" >/dev/null
    archive localhost/pause:check pause.tar localhost/pause:check
}

# An image as a file of the folder, by the name that a cluster is to know it by.
archive() {
    rm -f "$folder/$2"
    builder push --quiet "$1" "docker-archive:$folder/$2:$3"
}

# The programs end with their namespaces; for that the kernel may take a moment.
remove_cluster() {
    local group attempt
    # unshare heeds no other signal; where it has ended by itself, there is nothing to kill.
    [[ -z $namespaces ]] || { kill -KILL "$namespaces"; wait "$namespaces"; } 2>/dev/null || true
    for attempt in 1 2 3 4 5; do
        for group in /sys/fs/cgroup/kubepods /sys/fs/cgroup/*/kubepods; do
            [[ ! -d $group ]] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || sleep "$attempt"
        done
    done
    find "$cluster" -mindepth 1 -maxdepth 1 ! -name '*.log' -exec rm -rf {} +
    rm -f "$folder/image.tar" "$folder/pause.tar"
}

# --- helpers ----------------------------------------------------------------------------------

# Commands, and the packages that they are in.
need() {
    local packages=$1 command
    shift
    for command in "$@"; do
        command -v "$command" >/dev/null || die "$command is missing: apt-get install $packages"
    done
}

tools() {
    [[ -e $folder/tools/.installed ]] && return
    python3 -m venv "$folder/tools"
    "$folder/tools/bin/python" -m pip --quiet --quiet install --require-hashes \
        --requirement "$here/deploy/checks/tools.lock"
    touch "$folder/tools/.installed"
}

# This machine's own archive of Debian, for the base image's release.
# shellcheck disable=SC2016 # what looks like commands is apt's
apt_sources() {
    apt-get indextargets --format '$(ORIGIN)|$(COMPONENT)|$(CREATED_BY)|$(REPO_URI)' |
        awk -F'|' -v release="$release" '$1 == "Debian" && $2 == "main" && $3 == "Packages" && !/security/ {
            print "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]", $4, release, "main"
            found = 1
            exit
        } END { exit !found }' || die "no archive of Debian is known here: run apt-get update"
}

clean_up() {
    local status=$?
    if [[ -d $folder/storage ]]; then
        builder rm --all >/dev/null 2>&1 || true # unmounts them, too, however often they are mounted
    fi
    [[ ! -e $registered ]] || echo -1 >"$registered"
    [[ -z $mounted ]] || umount "$mounted"
    [[ -z $cluster ]] || remove_cluster
    if [[ -z ${CHECK_FOLDER:-} ]]; then
        if ((status)); then
            echo "What was made is in $folder (remove it yourself)" >&2
        else
            rm -rf "$folder"
        fi
    else
        rm -rf "$folder/storage" "$folder/storage-run" "$folder/context" "$folder/secrets"
    fi
}

say() { echo "ok    $*"; }
die() {
    echo "WRONG $*" >&2
    exit 1
}

main "$@"
