"""docs/shapes.md: each program is run as it stands there, with the declaration beneath it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs.test_examples import DOCS

_RUN = """
import json, sys
from otel_handoff import Boundary, Call, HandoffInstrumentor
name, declaration = sys.argv[1:]
ran = []
for mode in "off", "observe", "pin":
    told = []
    if mode != "off":
        calls = [Call("office:file", ids={"row": "under"})]
        HandoffInstrumentor().instrument(mode=mode, boundaries=[eval(declaration)], on_mismatch=told.append)
    import office
    __import__(name).main()
    if mode != "off":
        HandoffInstrumentor().uninstrument()
    told = [(m.outcome, m.expected["row"], m.observed["row"]) for m in told if "row" in m.expected]
    ran.append([office.filed, told])
    for module in "office", name:  # the next mode begins with new ones
        del sys.modules[module]
print(json.dumps(ran))
"""


def shapes() -> tuple[str, list[tuple[str, str, str]]]:
    """Return what all share; and of each shape its module, its program and its declaration."""
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "shapes.md").read_text("utf-8"), re.DOTALL)
    office, *others = blocks
    pairs = zip(others[::2], others[1::2], strict=True)
    return office, [(program.split(".py", 1)[0].removeprefix("# "), program, text) for program, text in pairs]


OFFICE, SHAPES = shapes()


def run(folder: Path, shape: tuple[str, str, str]) -> list[tuple[list[Any], list[Any]]]:
    """Return what was filed, and what was told: without us, in observe, and in pin."""
    name, program, declaration = shape
    (folder / "office.py").write_text(OFFICE, "utf-8")
    (folder / f"{name}.py").write_text(program, "utf-8")
    command = [sys.executable, "-c", _RUN, name, declaration.strip()]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("shape", SHAPES, ids=[shape[0] for shape in SHAPES])
def test_a_shape(shape: tuple[str, str, str], tmp_path: Path) -> None:
    """The race is real; each wrong record is told, and nothing else is; and none is left."""
    compares = "fields={}" not in shape[2]
    (filed, _), observed, pinned = run(tmp_path, shape)
    assert len(filed) >= 3
    assert any(row != under for row, under in filed) == compares
    filed, told = observed
    wrong = sorted([row, under] for row, under in filed if row != under)
    assert sorted(told[1:] for told in told if told[0] == "used") == wrong
    assert bool(wrong) == compares
    filed, told = pinned
    assert all(row == under for row, under in filed)
    assert {outcome for outcome, _, _ in told} <= {"prevented"}


def test_the_guide_has_a_dozen() -> None:
    """Or so."""
    assert len(SHAPES) >= 10
