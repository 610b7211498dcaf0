"""The editor of deploy/check.sh cluster: what docs/deploy.md says to change in a copied overlay.

    CANARY=... edits.py kustomization.yaml ingress.yaml pipeline.env api.env

CANARY stands for every secret. What is to be changed must be there, or the page and the example
have parted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

IMAGE = "localhost/movie-assets"
#: Of the volume that several pods have; the other one gets the cluster's default.
SHARED_CLASS = "check-shared"
HOST = "movies.check.internal"
#: Three API pods, as while they are replaced, and the pipeline ask for more than two processors,
#: which may be all that there are.
_SMALL = """\
  - target: {kind: Deployment}
    patch: |-
      - op: replace
        path: /spec/template/spec/containers/0/resources/requests/cpu
        value: 100m
"""
_END = ""


def changes(canary: str) -> dict[str, dict[str, str]]:
    """What stands in each file, and what is to stand there instead; ``_END`` is its end."""
    return {
        "kustomization.yaml": {
            "newName: registry.example.org/movie-assets": f"newName: {IMAGE}",
            "[pipeline.env.example]": "[pipeline.env]",
            "[api.env.example]": "[api.env]",
            "value: shared-files": f"value: {SHARED_CLASS}",
            _END: _SMALL,
        },
        "ingress.yaml": {"movies.example.org": HOST},
        "pipeline.env": {
            "MOVIE_ASSETS_FAILURE_WEBHOOK_URL=": "MOVIE_ASSETS_FAILURE_WEBHOOK_URL="
            f"https://hooks.check.internal/{canary}"
        },
        "api.env": {"MOVIE_API_KEYS=": f"MOVIE_API_KEYS={canary}"},
    }


def edit(file: Path, canary: str) -> None:
    """Change a file as the page says."""
    text = file.read_text()
    for old, new in changes(canary)[file.name].items():
        if old not in text:
            sys.exit(f"{file} has no {old!r} to change: docs/deploy.md says that it has")
        text = text + new if old == _END else text.replace(old, new)
    file.write_text(text)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        edit(Path(name), os.environ["CANARY"])
