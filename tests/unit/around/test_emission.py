"""A result that the host's own thread emits under the ids of the row before is found, and in pin goes to its own."""

from __future__ import annotations

import gc
import logging
import queue
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import pytest

from otel_handoff import Boundary, Call, Emission, HandoffInstrumentor, HandoffMismatchError
from tests.hosts import WAIT, Context, Order
from tests.telemetry import Telemetry

Result = tuple[Order, object]


@dataclass
class Released:
    """What the buffer gives out."""

    result: Result


class Buffer:
    """Results in the order in which they were handed in."""

    def __init__(self, before: Callable[[], object] = lambda: None) -> None:
        self.before = before
        self.results: queue.Queue[Result | None] = queue.Queue()

    def complete(self, result: Result) -> None:
        """A worker hands one in."""
        if result[1] == "refused":
            raise KeyError(result[0].id)
        self.results.put(result)

    def release(self) -> Released | None:
        """Wait for the next one."""
        self.before()
        result = self.results.get(timeout=WAIT)
        return None if result is None else Released(result)


class Port:
    """Where results go."""

    def __init__(self) -> None:
        self.emitted: list[tuple[str, str]] = []

    def emit(self, order: Order, result: object) -> None:
        """Take one."""
        self.emitted.append((order.id, str(result)))


@dataclass
class Shop:
    """Emits on a thread of its own. `fault` is called when the next result has been taken out, and may raise."""

    fault: Callable[[Order], object] = lambda order: None
    buffer: Buffer = field(default_factory=Buffer)
    port: Port = field(default_factory=Port)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    refused: list[HandoffMismatchError] = field(default_factory=list[HandoffMismatchError])

    def enqueue(self, order: Order, ctx: Context, result: object) -> Any:
        """Submit function."""
        return self.pool.submit(self.work, order, ctx, result)

    def work(self, order: Order, ctx: Context, result: object) -> None:
        """Work function."""
        self.buffer.complete((order, result))

    def loop(self) -> None:
        """Emit what comes, as a loop does that keeps its variables from one round to the next."""
        order = Order("nobody")
        while True:
            try:
                released = self.buffer.release()
                if released is None:
                    return
                self.fault(released.result[0])
                order, result = released.result
                self.port.emit(order, result)
            except HandoffMismatchError:
                raise
            except Exception as error:
                try:
                    self.port.emit(order, error)
                except HandoffMismatchError as refusal:
                    self.refused.append(refusal)

    def run(self, *results: object) -> list[tuple[str, str]]:
        """Hand results over for orders A, B, ..., emit them, and return what was emitted."""
        ctx = Context()
        for name, result in zip("ABCD", results, strict=False):
            ctx.order = order = Order(name)
            wait([self.enqueue(order, ctx, result)], WAIT)
        self.pool.shutdown()
        self.buffer.results.put(None)
        thread = threading.Thread(target=self.loop)
        thread.start()
        thread.join(WAIT)
        return self.port.emitted


BOUNDARY = Boundary(
    name="orders",
    submit=f"{__name__}:Shop.enqueue",
    work=f"{__name__}:Shop.work",
    fields={"order_id": "order.id"},
    calls=[Call(f"{__name__}:Buffer.complete", {"order_id": "result.0.id"}, evidence="result")],
    emission=Emission(
        complete=f"{__name__}:Buffer.complete",
        release=f"{__name__}:Buffer.release",
        emit=Call(f"{__name__}:Port.emit", {"order_id": "order.id"}, evidence="result"),
        parts={"order": "0"},
    ),
)


@pytest.fixture
def instrumented(mode: str, telemetry: Telemetry) -> Iterator[Telemetry]:
    """Instrument in this mode."""
    instrumentor: Any = HandoffInstrumentor()
    instrumentor.instrument(boundaries=[BOUNDARY], mode=mode, **telemetry.options)
    yield telemetry
    instrumentor.uninstrument()
    assert not hasattr(Buffer.complete, "__wrapped__")
    assert telemetry.counted("handoff.internal_errors") == {}


def broken_for(name: str) -> Callable[[Order], None]:
    """Fail when this order's result has been taken out."""

    def fault(order: Order) -> None:
        if order.id == name:
            raise RuntimeError("broken")

    return fault


@pytest.mark.parametrize(
    ("mode", "emitted", "outcome"),
    [
        ("observe", [("A", "1"), ("A", "broken"), ("C", "3")], "used"),
        ("pin", [("A", "1"), ("B", "broken"), ("C", "3")], "prevented"),
        ("strict", [("A", "1"), ("C", "3")], "blocked"),
    ],
)
def test_an_error_emitted_under_the_row_before(
    instrumented: Telemetry, mode: str, emitted: list[tuple[str, str]], outcome: str
) -> None:
    """It is the row's whose result was taken out: reported as its, in pin emitted as its, in strict not at all."""
    shop = Shop(broken_for("B"))
    assert shop.run(1, 2, 3) == emitted
    (mismatch,) = instrumented.mismatches
    assert (mismatch.evidence, mismatch.outcome, mismatch.target) == ("result", outcome, "Port.emit")
    assert (mismatch.expected, mismatch.observed) == ({"order_id": "B"}, {"order_id": "A"})
    assert mismatch.submission.ids["order_id"] == "B"
    (span,) = instrumented.spans("Port.emit")
    assert span.attributes is not None
    assert span.attributes["handoff.mismatch.outcome"] == outcome
    assert span.attributes["orders.order_id"] == "B"
    assert [refusal.mismatch for refusal in shop.refused] == ([mismatch] if mode == "strict" else [])


@pytest.mark.parametrize("mode", ["observe", "pin", "strict"])
def test_right_emissions_are_left_alone(instrumented: Telemetry, mode: str) -> None:
    """Each its own, the first that fails, an error of the port's own, and one that nobody took in."""
    assert Shop().run(1, "refused", 3) == [("A", "1"), ("C", "3")]
    assert Shop(broken_for("A")).run(1, 2) == [("nobody", "broken"), ("B", "2")]

    class Weak(Port):
        def emit(self, order: Order, result: object) -> None:
            super().emit(order, result)
            if result == 2:
                raise RuntimeError("weak")

    assert Shop(port=Weak()).run(1, 2, 3) == [("A", "1"), ("B", "2"), ("B", "weak"), ("C", "3")]
    assert instrumented.mismatches == []


@pytest.mark.parametrize("mode", ["observe", "pin", "strict"])
def test_a_port_that_names_rows_anew_is_left_alone(instrumented: Telemetry, mode: str) -> None:
    """Only the ids of the row before are a proof."""

    class Renaming(Port):
        def emit(self, order: Order, result: object) -> None:
            super().emit(Order(f"new-{order.id}"), result)

    assert Shop(port=Renaming()).run(1, 2) == [("new-A", "1"), ("new-B", "2")]
    assert instrumented.mismatches == []


@pytest.mark.parametrize("mode", ["observe", "pin", "strict"])
def test_an_error_that_is_no_row_s_is_not_known(
    instrumented: Telemetry, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing had been taken out: it is told that it is not known whose it is, and nobody is accused."""
    rounds = iter([None, RuntimeError("early"), None, None, None])

    def before() -> None:
        if (error := next(rounds)) is not None:
            raise error

    shop = Shop(buffer=Buffer(before))
    with caplog.at_level(logging.WARNING, "otel_handoff"):
        assert shop.run(1, 2) == [("A", "1"), ("A", "early"), ("B", "2")]
    assert instrumented.mismatches == []
    assert not shop.refused
    (told,) = [record.message for record in caplog.records]
    assert told.startswith("HANDOFF NOT CHECKED: boundary 'orders', 1 row so far")
    assert "Port.emit" in told


@pytest.mark.parametrize("mode", ["observe"])
def test_nothing_is_kept(instrumented: Telemetry, mode: str) -> None:
    """Of what was emitted, refused, or left behind in a buffer that is gone."""

    class Big:
        pass

    gone: list[weakref.ref[Big]] = []
    emptied = Shop()

    def run() -> None:
        results = [Big() for _ in range(3)]
        gone.extend(map(weakref.ref, results))
        emptied.run(*results)
        left = Shop()
        left.enqueue(Order("left"), Context(order=Order("left")), results[0]).result(WAIT)
        left.pool.shutdown()

    run()
    gc.collect()
    assert [ref() for ref in gone] == [None] * 3
    assert emptied.buffer.results.empty()


@pytest.mark.parametrize(
    "changed",
    [
        {"complete": "m.f"},
        {"release": "no"},
        {"parts": {"order": "a-b"}},
        {"emit": {"target": "m:f", "ids": {"other": "x"}}},
    ],
)
def test_a_declaration_that_cannot_be_meant_is_refused(changed: dict[str, Any]) -> None:
    """Also as plain data, as a file has it."""
    emission = {"complete": "m:B.c", "release": "m:B.r", "emit": {"target": "m:P.e", "ids": {"id_": "x"}}, "parts": {}}
    plain: dict[str, Any] = {"name": "n", "submit": "m:s", "work": "m:w", "fields": {"id_": "id"}}
    assert isinstance(Boundary.from_mapping({**plain, "emission": emission}).emission, Emission)
    with pytest.raises(ValueError, match=r"write 'module|is no path|unknown field"):
        Boundary.from_mapping({**plain, "emission": {**emission, **changed}})
