"""A project of a plugin author's: the one of docs/is-my-plugin-safe.md, in a directory of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.testing.project import Project

NOT_NEEDED = "-p no:hypothesispytest -p no:anyio"
"""Plugins that take several times as long to import as all else together; the projects here have no use for them."""

PAGE = Path(__file__).parents[2] / "docs" / "is-my-plugin-safe.md"

LATE = '''
"""A race that is forced by an event: the worker reads the context when it is told to."""
import threading

from billing import Billing
from shop import Context, Ledger, Shop


class Late(Billing):
    def __init__(self):
        super().__init__(Ledger())
        self.go = threading.Event()

    def process(self, order, ctx):
        assert self.go.wait(20)
        super().process(order, ctx)


class Race:
    """One order, whose worker will bill it to the next one when it is let go."""

    def __init__(self):
        self.plugin = Late()
        self.shop = Shop(self.plugin)
        ctx = Context()
        ctx.order_id = "order-0"
        self.future = self.shop.enqueue({"id": "order-0", "items": ["tea"]}, ctx)
        ctx.order_id = "order-1"

    def end(self):
        self.plugin.go.set()
        self.future.result(20)
        self.shop.pool.shutdown()


def race():
    Race().end()
'''


@pytest.fixture
def page() -> str:
    """The text of docs/is-my-plugin-safe.md."""
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture
def project(pytester: pytest.Pytester, page: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The page's files, and a race that is forced."""
    for variable in ("OTEL_HANDOFF_PROVOKE", "OTEL_HANDOFF_PROVOKE_WAIT", "OTEL_HANDOFF_BOUNDARIES"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PYTEST_ADDOPTS", NOT_NEEDED)
    for variable in ("CI", "BUILD_NUMBER"):  # there pytest does not shorten its summary, and prints a headline twice
        monkeypatch.delenv(variable, raising=False)
    project = Project(pytester)
    for block in re.findall(r"```python\n(# \w+\.py\n.*?)```", page, re.DOTALL):
        project.write(str(block).split()[1].removesuffix(".py"), str(block))
    project.write("late", LATE)
    return project
