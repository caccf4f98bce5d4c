"""A function that a host has at another place in each version is wrapped where it is, once."""

from __future__ import annotations

import itertools
import logging
import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from otel_handoff import Boundary, Call, HandoffInstrumentor
from tests.telemetry import Telemetry

_numbers = itertools.count()

INNER = """\
    class Repository:
        def file(self, order_id):
            return order_id
"""
FACADE = """\
    class Recorder:
        def file(self, order_id):
            from {package}.inner import Repository
            return Repository().file(order_id)
"""
ALONE = """\
    class Recorder:
        def file(self, order_id):
            return order_id
"""
HOST = """\
    from concurrent.futures import ThreadPoolExecutor

    class Host:
        pool = ThreadPoolExecutor(1)

        def enqueue(self, ctx, job):
            return self.pool.submit(self.work, ctx, job)

        def work(self, ctx, job):
            return job(ctx)
"""


class Ctx:
    """The context."""

    order_id = "A"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Write modules into a package of a new name, and forget them afterwards."""
    name = f"host_of_versions_{next(_numbers)}"

    def write(**modules: str) -> str:
        folder = tmp_path / name
        folder.mkdir()
        for module, source in {"host": HOST, **modules}.items():
            (folder / f"{module}.py").write_text(textwrap.dedent(source).format(package=name))
        return name

    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield write
    for module in [module for module in sys.modules if module.startswith(name)]:
        del sys.modules[module]


def instrumented(name: str, telemetry: Telemetry) -> Any:
    """Instrument the package, whose `inner` is preferred to its `outer`."""
    call = Call(f"{name}.inner:Repository.file", {"order_id": "order_id"}, elsewhere=[f"{name}.outer:Recorder.file"])
    boundary = Boundary(
        name="orders",
        submit=f"{name}.host:Host.enqueue",
        work=f"{name}.host:Host.work",
        fields={"order_id": "order_id"},
        calls=[call],
    )
    instrumentor: Any = HandoffInstrumentor()
    instrumentor.instrument(boundaries=[boundary], mode="observe", **telemetry.options)
    return instrumentor


def spans_of_a_call(name: str, order: str, filing: str, telemetry: Telemetry) -> list[str]:
    """Import `inner` and `outer` in this order, file under a wrong id through `filing`, and return the call spans."""
    for module in order.split():
        import_module(f"{name}.{module}")
    host: Any = import_module(f"{name}.host").Host()
    module, _, cls = filing.partition(":")
    files = getattr(import_module(f"{name}.{module}"), cls)()

    def job(ctx: Ctx) -> object:
        return files.file("B")

    host.enqueue(Ctx(), job).result()
    return [span.name for span in telemetry.spans() if not span.name.startswith("process")]


@pytest.mark.parametrize(
    ("modules", "order", "filing", "span"),
    [
        ({"outer": ALONE}, "outer", "outer:Recorder", "Recorder.file"),
        ({"inner": INNER}, "inner", "inner:Repository", "Repository.file"),
        ({"inner": INNER, "outer": FACADE}, "inner outer", "outer:Recorder", "Repository.file"),
        ({"inner": INNER, "outer": FACADE}, "outer inner", "outer:Recorder", "Repository.file"),
        ({"inner": INNER, "outer": FACADE}, "outer inner", "inner:Repository", "Repository.file"),
        ({"inner": "", "outer": ALONE}, "inner outer", "outer:Recorder", "Recorder.file"),
        ({"inner": "", "outer": ALONE}, "outer inner", "outer:Recorder", "Recorder.file"),
    ],
)
def test_a_record_is_seen_once_wherever_it_is_made(
    package: Callable[..., str],
    telemetry: Telemetry,
    caplog: pytest.LogCaptureFixture,
    modules: dict[str, str],
    order: str,
    filing: str,
    span: str,
) -> None:
    """The old place alone, the new one alone, or the old one passing on to the new, in either order of import."""
    name = package(**modules)
    with caplog.at_level(logging.WARNING, "otel_handoff"):
        instrumentor = instrumented(name, telemetry)
        try:
            assert spans_of_a_call(name, order, filing, telemetry) == [span]
        finally:
            instrumentor.uninstrument()
    assert [(m.outcome, m.target) for m in telemetry.mismatches] == [("used", span)]
    assert [record.message for record in caplog.records if "is not there" in record.message] == []


def test_each_place_gets_its_function_back(package: Callable[..., str], telemetry: Telemetry) -> None:
    """The one that gave way to a better place, and the better one."""
    name = package(inner=INNER, outer=FACADE)
    instrumentor = instrumented(name, telemetry)
    outer = import_module(f"{name}.outer").Recorder
    assert hasattr(outer.file, "__wrapped__")
    inner = import_module(f"{name}.inner").Repository
    assert not hasattr(outer.file, "__wrapped__")
    assert hasattr(inner.file, "__wrapped__")
    instrumentor.uninstrument()
    assert not hasattr(inner.file, "__wrapped__")
    assert not hasattr(outer.file, "__wrapped__")


def test_a_function_that_is_at_no_place_is_told_once(
    package: Callable[..., str], telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """When all modules that might have it are imported, and not before."""
    name = package(inner="", outer="")
    instrumentor = instrumented(name, telemetry)
    try:
        with caplog.at_level(logging.WARNING, "otel_handoff"):
            import_module(f"{name}.inner")
            assert caplog.records == []
            import_module(f"{name}.outer")
    finally:
        instrumentor.uninstrument()
    (record,) = caplog.records
    assert f"{name}.outer:Recorder.file is not there" in record.message


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"elsewhere": "m:f"}, "elsewhere is a list"),
        ({"elsewhere": ["m.f"]}, "elsewhere: write 'module:Class.method'"),
        ({"elsewhere": ["m:g", "m:g"]}, "names a place twice"),
        ({"elsewhere": ["m:f"]}, "names a place twice"),
        ({"optional": "no"}, "optional is true or false"),
    ],
)
def test_a_declaration_that_cannot_be_meant_is_refused(options: dict[str, Any], told: str) -> None:
    """In one sentence that says what to write."""
    with pytest.raises(ValueError, match=told):
        Call("m:f", {}, **options)
