"""Running a notebook: parameters, failures, what the kernel sees, and that it ends with us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from movie_assets.analysis.errors import CellError, KernelError
from movie_assets.analysis.notebook import execute, with_parameters


def notebook_of(*sources: str) -> nbformat.NotebookNode:
    """A notebook with a heading, two parameters, and these cells."""
    return new_notebook(
        cells=[
            new_markdown_cell("# A notebook"),
            new_code_cell("films = 1\nname = 'a'", metadata={"tags": ["parameters"]}),
            *(new_code_cell(source) for source in sources),
        ]
    )


def printed(notebook: nbformat.NotebookNode) -> str:
    return "".join(
        out.get("text", "") for cell in notebook.cells for out in cell.get("outputs", [])
    )


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A child that has ended and was not waited for counts as ended.
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def gone(pid: int, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not is_running(pid)


def test_parameters_reach_the_cells_in_a_kernel_of_our_python_without_our_secrets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("TMDB_API_KEY", "API_KEY", "MOVIE_API_KEYS", "MOVIE_ASSETS_FAILURE_WEBHOOK_URL"):
        monkeypatch.setenv(name, "SENTINEL")
    monkeypatch.setenv("HOME", str(tmp_path))  # empty: no kernel, no settings
    # A kernel that somebody installed must not be taken.
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    kernel = tmp_path / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text('{"argv": ["/bin/false"], "display_name": "x", "language": "python"}')
    found = with_parameters(
        notebook_of(
            "import os, sys; print(films, name, sys.executable, os.getcwd(), dict(os.environ))"
        ),
        {"films": 7, "name": "it's"},
    )
    threads = set(threading.enumerate())
    execute(found)
    assert set(threading.enumerate()) <= threads, "Nobody listens to the kernel any more."
    text = printed(found)
    assert text.startswith(f"7 it's {sys.executable} ")
    assert "SENTINEL" not in text
    assert not Path(text.split()[3]).exists(), "The kernel's folder is gone."
    assert {path.name for path in tmp_path.iterdir()} <= {"kernels", ".cache"}


def test_unknown_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="no parameter 'film'"):
        with_parameters(notebook_of(), {"film": 1})
    with pytest.raises(ValueError, match="tag 'parameters'"):
        with_parameters(new_notebook(cells=[new_code_cell("films = 1")]), {"films": 2})


def test_a_failing_cell_is_named_with_its_error() -> None:
    found = notebook_of("print('before')")
    found.cells += [new_markdown_cell("## Scores"), new_code_cell("import os\nos.stat('nowhere')")]
    with pytest.raises(CellError) as caught:
        execute(found)
    assert (caught.value.cell, caught.value.section) == (5, "Scores")
    assert "No such file or directory: 'nowhere'" in caught.value.reason
    assert "Cell 5 of the notebook, under “Scores”, failed: FileNotFoundError" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "before" in printed(found), "What came before is kept."


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("import os; os._exit(3)", "ended at Cell 3"),
        ("import time; time.sleep(60)", "longer than 1 s"),
    ],
)
def test_a_kernel_that_dies_or_hangs_is_told(cell: str, says: str) -> None:
    with pytest.raises(KernelError, match=says):
        execute(notebook_of(cell), cell_seconds=1)


@pytest.mark.process
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
def test_the_kernel_ends_with_us(by: signal.Signals, tmp_path: Path) -> None:
    """Whether by Ctrl-C or by a death that nobody can handle."""
    told = tmp_path / "pid"
    cell = f"import os, time; open({str(told)!r}, 'w').write(str(os.getpid())); time.sleep(90)"
    script = (
        "from nbformat.v4 import new_code_cell, new_notebook\n"
        "from movie_assets.analysis.notebook import execute\n"
        f"execute(new_notebook(cells=[new_code_cell({cell!r})]))\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 30
        while not (told.exists() and told.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        pid = int(told.read_text())
        process.send_signal(by)
        assert process.wait(20) != 0
    assert gone(pid)
