"""Running a notebook: its parameters, a kernel that is ours alone, and what a failed cell says.

The kernel is a process of this very Python, whatever kernels are installed on the machine, with
folders of its own that are gone afterwards, without our secrets, and without a network port. It
never outlives the run: not a failure, not Ctrl-C, and not the death of this process.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import movie_assets
from movie_assets.analysis.errors import CellError, KernelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jupyter_client.manager import AsyncKernelManager
    from nbformat import NotebookNode

#: How long one cell may take, in seconds: at a million films the longest takes a twentieth of it.
CELL_SECONDS = 300
_START_SECONDS = 60

#: What a kernel needs of our environment. Keys to TMDB and to the API are nothing to it.
_PASSED_ON = re.compile(
    r"(PATH|HOME|USER|LANG|TZ|TMPDIR|TEMP|TMP|VIRTUAL_ENV|LD_LIBRARY_PATH|SYSTEMROOT|WINDIR|APPDATA"
    r"|LOCALAPPDATA|USERPROFILE|(LC|PYTHON|COVERAGE|COV|XDG|MPL|OMP)_?[A-Z_]*)"
)
_PARAMETERS, _INJECTED = "parameters", "injected-parameters"
#: The longest address of a Unix socket that every system takes, less what Jupyter adds to it.
_LONGEST_ADDRESS = 90
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_LAST_LINES = 5


def read(path: Path) -> NotebookNode:
    """A notebook as it stands in a file."""
    import nbformat  # noqa: PLC0415 - takes long, and only a report needs it

    notebook: NotebookNode = nbformat.read(path, as_version=4)
    return notebook


def with_parameters(notebook: NotebookNode, parameters: Mapping[str, Any]) -> NotebookNode:
    """A copy with a cell that sets parameters, after the one that has their defaults.

    That one is tagged ``parameters``, and the new one as papermill does it, so that the notebook is
    one for papermill too.

    Raises:
        ValueError: where the notebook has no such cell, or it does not know a parameter.
    """
    import nbformat  # noqa: PLC0415

    copy: NotebookNode = nbformat.from_dict(notebook)
    tagged = [
        i for i, cell in enumerate(copy.cells) if _PARAMETERS in cell.metadata.get("tags", [])
    ]
    if not tagged:
        raise ValueError("The notebook has no cell with the tag 'parameters'.")
    defaults = copy.cells[tagged[0]].source
    for name in parameters:
        if not re.search(rf"^{name}\s*(:[^=]+)?=", defaults, re.MULTILINE):
            raise ValueError(f"The notebook has no parameter {name!r}.")
    source = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": [_INJECTED]})
    copy.cells.insert(tagged[0] + 1, cell)
    return copy


def execute(notebook: NotebookNode, *, cell_seconds: int = CELL_SECONDS) -> None:
    """Run all cells, in place: what they put out is in the notebook afterwards, also on failure.

    Args:
        notebook: with the parameters that it is to have.
        cell_seconds: how long one cell may take.

    Raises:
        CellError: where a cell fails.
        KernelError: where the kernel does not start, dies or takes too long.
    """
    from nbclient import NotebookClient  # noqa: PLC0415
    from nbclient.exceptions import (  # noqa: PLC0415
        CellExecutionError,
        CellTimeoutError,
        DeadKernelError,
    )

    running = 0

    def remember(*, cell_index: int, **_: Any) -> None:
        nonlocal running
        running = cell_index

    with _kernel() as (manager, folder, log):
        client = NotebookClient(
            notebook,
            km=manager,
            timeout=cell_seconds,
            startup_timeout=_START_SECONDS,
            resources={"metadata": {"path": str(folder)}},
            on_cell_execute=remember,
        )
        try:
            client.execute(env=_environment(folder), stdout=log, stderr=log)
        except CellTimeoutError as error:
            raise KernelError(
                f"{_name(notebook, running)} took longer than {cell_seconds} s and was stopped. "
                "The last report stays as it was."
            ) from error
        except CellExecutionError as error:
            raise _cell_error(notebook, running, error) from None
        except (DeadKernelError, RuntimeError, OSError) as error:
            raise KernelError(
                f"The process that runs the notebook ended at {_name(notebook, running)}: {error} "
                f"{_last_lines(log)} The last report stays as it was."
            ) from error
        finally:
            # Its heart is listened to in a thread that would outlive the kernel, and this process's
            # own end with it.
            if client.kc is not None:
                client.kc.stop_channels()


@contextmanager
def _kernel() -> Iterator[tuple[AsyncKernelManager, Path, Any]]:
    """A kernel that is not started yet, its folder, and the file that it may write its log to."""
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager  # noqa: PLC0415
    from jupyter_client.manager import AsyncKernelManager  # noqa: PLC0415
    from jupyter_core.utils import run_sync  # noqa: PLC0415

    class OurPython(KernelSpecManager):
        """Knows one kernel: the Python that runs this, whatever else is installed."""

        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:  # noqa: ARG002
            command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            # No history of what was typed, which would be a file in a person's home.
            command.append("--HistoryManager.enabled=False")
            return KernelSpec(argv=command, display_name="Python", language="python")

    with tempfile.TemporaryDirectory(prefix="eda-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        connection = folder / "kernel.json"
        # Sockets in a folder that only we may read, where there are such; else a local port.
        is_short = len(str(connection)) <= _LONGEST_ADDRESS
        # A blocking one would wait for messages without an end, whatever time a cell may take.
        manager = AsyncKernelManager(
            kernel_spec_manager=OurPython(),
            connection_file=str(connection),
            transport="ipc" if os.name == "posix" and is_short else "tcp",
        )
        with (folder / "kernel.log").open("w+", encoding="utf-8", errors="replace") as log:
            try:
                yield manager, folder, log
            finally:
                if manager.has_kernel:
                    run_sync(manager.shutdown_kernel)(now=True)


def _environment(folder: Path) -> dict[str, str]:
    """The kernel's environment: what it needs of ours, and folders that are gone afterwards."""
    passed_on = {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}
    ours = str(Path(movie_assets.__file__).parents[1])
    path = os.pathsep.join(filter(None, (ours, passed_on.get("PYTHONPATH"))))
    jupyter = {
        name: str(folder / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    }
    # jupysql's library for settings is one that can count its users: it is told not to.
    quiet = {"PLOOMBER_STATS_ENABLED": "false", "PLOOMBER_VERSION_CHECK_DISABLED": "true"}
    return passed_on | jupyter | quiet | {"PYTHONPATH": path, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}


def _cell_error(notebook: NotebookNode, index: int, error: Any) -> CellError:
    said = _COLOURS.sub("", f"{error.ename}: {error.evalue}").strip()
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    # The first line has the type, and of several the last says what it came to.
    reason = lines[0] if len(lines) == 1 else f"{error.ename}: {lines[-1]}"
    return CellError(
        f"{_name(notebook, index)} failed: {reason} The last report stays as it was.",
        cell=index + 1,
        section=section_of(notebook, index),
        reason=reason,
    )


def _name(notebook: NotebookNode, index: int) -> str:
    return f"Cell {index + 1} of the notebook, under “{section_of(notebook, index)}”,"


def section_of(notebook: NotebookNode, index: int) -> str:
    """The last heading before a cell."""
    for cell in reversed(notebook.cells[: index + 1]):
        heading = re.match(r"#+ (.+)", cell.source) if cell.cell_type == "markdown" else None
        if heading:
            return heading[1].strip()
    return "its beginning"


def _last_lines(log: Any) -> str:
    log.seek(0)
    lines = [line.strip() for line in log.read().splitlines() if line.strip()]
    return " / ".join(lines[-_LAST_LINES:])
