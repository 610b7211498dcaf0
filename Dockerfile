# One image for all of movie_assets: the API (the default command), the pipeline's code server,
# Dagster's web UI and its daemon, and the movie-assets command. docs/deploy.md says how to run it;
# deploy/check.sh builds and checks it, also where no Docker engine runs.
#
# Everything is installed as wheels, by the hashes of requirements.lock; nothing is compiled, and
# nothing here names a processor: the same file builds for amd64 and arm64.

# Name the digest, too, to have the same bytes in each build (docs/deploy.md, "The base image"):
#   --build-arg PYTHON_IMAGE=python:3.13-slim-trixie@sha256:...
ARG PYTHON_IMAGE=python:3.13-slim-trixie

FROM ${PYTHON_IMAGE} AS builder
# A pip.conf of your own, for a mirror or a proxy, is a secret of the build, and so is a certificate
# that it may name (docs/deploy.md, "Behind a proxy"): neither gets into a layer.
ENV PIP_CONFIG_FILE=/run/secrets/pip.conf \
    PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv /opt/movie-assets
WORKDIR /src
# What changes seldom first: this layer is made anew when the lock changes.
COPY requirements.lock ./
RUN --mount=type=secret,id=pip.conf --mount=type=secret,id=ca.crt \
    /opt/movie-assets/bin/python -m pip install --require-hashes --only-binary=:all: \
    --requirement requirements.lock
COPY pyproject.toml setup.cfg README.md LICENSE NOTICE ./
COPY movie_assets movie_assets
# Compiled to bytecode here, for the root file system is read-only later. Nothing is installed in a
# container that runs, so pip stays behind.
RUN /opt/movie-assets/bin/python -m pip install --no-deps --no-build-isolation . \
    && /opt/movie-assets/bin/python -m pip uninstall --yes pip

FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="movie_assets" \
      org.opencontainers.image.description="A movie recommender that runs itself: a Dagster asset graph, an HTTP API and a web page" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.documentation="docs/deploy.md" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# A user by number, so that Kubernetes can see that it is not root. The three folders are what may
# be written: a volume mounted on one of them that is new takes its owner from here.
RUN groupadd --gid 10001 movies \
    && useradd --uid 10001 --gid movies --home-dir /nonexistent --no-create-home \
       --shell /usr/sbin/nologin movies \
    && install -d -o movies -g movies /data /data/published /var/cache/movie-assets \
    && install -d /app
COPY --from=builder /opt/movie-assets /opt/movie-assets
COPY deploy/workspace.yaml /etc/movie-assets/workspace.yaml

# NUMBA_CACHE_DIR: kernels are compiled for the processor that they run on, when they are first
# called, and kept there. CODE_SERVER_HOST: where workspace.yaml finds the code server.
ENV PATH=/opt/movie-assets/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    MOVIE_ASSETS_HOME=/data \
    NUMBA_CACHE_DIR=/var/cache/movie-assets \
    CODE_SERVER_HOST=localhost
# Empty: a .env file in the working directory would be read.
WORKDIR /app
USER 10001:10001
# The API; Dagster's web UI; the code server.
EXPOSE 8000 3000 4000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
# --wait: it starts before anything has been published, and is not ready until then.
CMD ["movie-assets", "serve", "--wait", "--host", "0.0.0.0", "--port", "8000"]
