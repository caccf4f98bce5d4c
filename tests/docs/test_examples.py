"""What the tutorial and the how-tos print is what a reader gets."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from otel_handoff.demo import truth
from tests.docs.tables import DOCS


def programs(page: str) -> dict[str, str]:
    """Return the files of a page, by name."""
    return {text.split()[1]: text for text in re.findall(r"```python\n(# \w+\.py\n.*?)```", page, re.DOTALL)}


def saved(page: str, folder: Path) -> Path:
    """Save the files of a page in a new folder, and return that."""
    folder.mkdir()
    for name, text in programs(page).items():
        (folder / name).write_text(text, "utf-8")
    return folder


def outputs(page: str) -> dict[str, list[str]]:
    """Return what each command of a page prints, by the command."""
    found = re.findall(r"```\n\$ ([^\n]+)\n(.*?)```", page, re.DOTALL)
    return {command: printed.splitlines() for command, printed in found}


def configurations(name: str) -> list[str]:
    """Return the configuration files of a page, or what is to be added to one."""
    page = (DOCS / name).read_text("utf-8")
    return [textwrap.dedent(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]


def run(folder: Path, *command: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, with nothing of this process's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return subprocess.run(
        [sys.executable, "-u", *command],
        cwd=folder,
        env={**kept, "NO_COLOR": "1", "COLUMNS": "120", **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )


def shape(line: str) -> str:
    """Return a line without what is another in each run, or on fewer rows; a place in the code stays as it is."""
    line = re.sub(r"[0-9a-f]{32}|[0-9a-f]{16}", "ID", line)
    line = re.sub(r"│.*", lambda cells: re.sub(r"[\d.-]+ *│", "N │", cells[0]), line)
    line = re.sub(r"(?<!\.py:)\b\d[\d:.T+-]*", "N", line)
    line = re.sub(r"\bN (call|result|cause|kind|mismatch)(es|s)?\b", r"N \1", line)
    return re.sub(r" +", " ", line).rstrip()


@pytest.fixture(scope="module")
def tutorial() -> str:
    """The text of docs/tutorial.md."""
    return (DOCS / "tutorial.md").read_text("utf-8")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which the demo was run, on fewer rows than the tutorial's, and what it printed."""
    folder = tmp_path_factory.mktemp("tutorial")
    ran = run(folder, "-m", "otel_handoff.cli", "demo", "--rows", "30")
    assert ran.returncode == 0, ran.stdout
    return folder, ran.stdout


def test_the_tutorial_s_table(tutorial: str, demo: tuple[Path, str]) -> None:
    """It has the lines that the demo prints."""
    printed = {shape(line) for line in demo[1].splitlines()}
    assert {shape(line) for line in outputs(tutorial)["make demo"]} - {"..."} - printed == set()


def test_the_tutorial_s_trail(tutorial: str, demo: tuple[Path, str]) -> None:
    """Its program finds another row's calls under a state, also here; and in mode pin none but its own."""
    folder, _ = demo
    trail = truth.count(folder / "handoff-demo" / "off" / "landscape.db")
    wrong = next(call.filed_state_id for call in trail.wrong_calls if call.filed_row_id != call.true_row_id)
    (folder / "who.py").write_text(programs(tutorial)["who.py"].replace("state-0007-0", wrong), "utf-8")
    for mode, others in (("off", True), ("pin", False)):
        ran = run(folder, "who.py", f"handoff-demo/{mode}/landscape.db")
        expected = outputs(tutorial)[f".venv/bin/python who.py handoff-demo/{mode}/landscape.db"]
        assert {shape(line) for line in ran.stdout.splitlines()} == {shape(line) for line in expected}
        own = wrong.split("-")[1]
        assert any(f"made for row-{own}" not in line for line in ran.stdout.splitlines()) == others


@pytest.mark.parametrize(
    ("options", "code"), [("observe/traces.jsonl --records wrong.csv", 1), ("pin/traces.jsonl --fail-on error", 0)]
)
def test_the_tutorial_s_checks(tutorial: str, demo: tuple[Path, str], options: str, code: int) -> None:
    """They say what the page shows, in that order, with the exit code that it names."""
    folder, _ = demo
    command = f".venv/bin/otel-handoff check handoff-demo/{options}"
    ran = run(folder, "-m", "otel_handoff.cli", *command.split()[1:])
    assert ran.returncode == code
    printed = iter([shape(line) for line in ran.stdout.splitlines()])
    for line in outputs(tutorial)[command]:
        assert line == "..." or shape(line) in printed, line


def test_the_boundary_of_the_how_to(tmp_path: Path) -> None:
    """Its programs print what the page shows: wrong, wrong and reported, right."""
    page = (DOCS / "declare-a-boundary.md").read_text("utf-8")
    folder = saved(page, tmp_path / "my-shop")
    for command, expected in outputs(page).items():
        *variables, _, program = command.split()
        environment = dict(variable.split("=") for variable in variables)
        ran = run(folder, program, environment=environment)
        assert [shape(line) for line in ran.stdout.splitlines()] == [shape(line) for line in expected]
    assert len(outputs(page)) == 3


@pytest.mark.parametrize(
    ("name", "to_add"), [("getting-started.md", False), ("settings.md", False), ("alerting.md", True)]
)
def test_the_configuration_files(name: str, to_add: bool, tmp_path: Path) -> None:
    """OpenTelemetry takes each as it stands, or added to the file that the reader has by then."""
    configuration = pytest.importorskip("opentelemetry.configuration")
    (begun,) = configurations("getting-started.md")
    (shown,) = configurations(name)
    path = tmp_path / "otel.yaml"
    path.write_text(begun + shown if to_add else shown, "utf-8")
    configuration.load_config_file(str(path))
