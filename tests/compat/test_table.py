"""The page on compatibility says what is promised, and what ran was that."""

from __future__ import annotations

import re
from importlib.metadata import metadata

import pytest

from tests.compat.floors import NEWER, floors
from tests.compat.table import BEGIN, PAGE, made, promised
from tests.docs.tables import END

_PAGE = PAGE.read_text("utf-8")
_PROMISED, _RAN = (part.partition(END)[0] for part in _PAGE.split(BEGIN)[1:])
_CELLS = ("run", "python", "api", "sdk", "instrumentation", "wrapt", "extension", "passed", "skipped", "failed")


def ran() -> dict[str, dict[str, str]]:
    """The rows of the committed table, by the name of their run."""
    lines = [re.findall(r"\|\s*([^|]+?)\s*(?=\|)", line) for line in _RAN.splitlines()[2:]]
    return {line[0]: dict(zip(_CELLS, line, strict=True)) for line in lines}


def test_the_floors_on_the_page_are_those_of_the_package() -> None:
    """A floor that is raised is raised on the page."""
    assert promised() == _PROMISED


def test_the_oldest_run_was_on_the_floors() -> None:
    """What is promised was tested: exactly those versions."""
    row, lowest = ran().get("oldest-3.10"), floors(("sdk",))
    if row is None:
        pytest.skip("make test-matrix was not run whole for the page")
    assert row["api"].startswith(lowest["opentelemetry-api"])
    assert row["sdk"].startswith(lowest["opentelemetry-sdk"])
    assert row["instrumentation"] == lowest["opentelemetry-instrumentation"]
    assert row["wrapt"].startswith(lowest["wrapt"])


def test_each_supported_python_ran() -> None:
    """Each that the package's metadata names, once without the SDK, and once without wrapt's C extension."""
    classifiers: list[str] = metadata("otel-handoff").get_all("Classifier") or []
    supported = {found[1] for line in classifiers if (found := re.search(r":: (3\.\d+)$", line))}
    rows = ran()
    if not any(name.startswith("newest-") for name in rows):
        pytest.skip("make test-matrix was not run whole for the page")
    assert {name.removeprefix("newest-") for name in rows if name.startswith("newest-")} == supported
    assert any(row["sdk"] == "none" for row in rows.values())
    assert any(row["extension"] == "no" for row in rows.values())


def test_nothing_failed_in_what_ran() -> None:
    """A row with a failure is not published."""
    assert {name: row["failed"] for name, row in ran().items() if row["failed"] != "0"} == {}


def test_the_page_is_made_anew_between_its_marks() -> None:
    """And only there."""
    assert made(f"a\n{BEGIN}old\n{END}b\n{BEGIN}old\n{END}c\n", ("x\n", "y\n")) == (
        f"a\n{BEGIN}x\n{END}b\n{BEGIN}y\n{END}c\n"
    )


def test_each_requirement_of_a_user_has_a_floor() -> None:
    """Without one, the oldest versions cannot be tried; what cannot be installed beside them is named."""
    assert set(NEWER) < set(floors(("sdk", "file", "demo", "test")))
