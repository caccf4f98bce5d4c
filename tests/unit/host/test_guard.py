"""An error of ours is counted, told once, and never reaches the host."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import Any

import pytest

from otel_handoff import HandoffInstrumentor
from otel_handoff.host.guard import Guard, Tally, guard
from tests.hosts import WAIT, Context, Ledger, Order, Pool, boundary
from tests.telemetry import Telemetry


@pytest.fixture
def no_internal_errors(monkeypatch: pytest.MonkeyPatch) -> Tally:
    """In place of the fixture that holds everywhere else: here errors of ours are expected, counted from zero."""
    fresh = Tally()
    monkeypatch.setattr(guard, "errors", fresh)
    monkeypatch.setattr(guard, "reraise", False)
    return fresh


def instrument(telemetry: Telemetry, mode: str, **options: Any) -> None:
    """Instrument the pool."""
    HandoffInstrumentor().instrument(mode=mode, **{"boundaries": [boundary()], **telemetry.options, **options})


def warnings(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What was said about errors of ours, above DEBUG."""
    return [
        record
        for record in caplog.records
        if record.levelno >= logging.WARNING and "met an error of its own" in record.getMessage()
    ]


def work(pool: Pool, ctx: Any, names: str = "AB") -> list[str]:
    """Submit some orders one after the other, and return what was filed."""
    ledger = Ledger()

    def job(order: Order, _ctx: Any) -> str:
        return ledger.post(order.id, "done")

    try:
        for name in names:
            order = Order(name)
            with contextlib.suppress(AttributeError):  # a property without a setter
                ctx.order = order
            assert pool.enqueue(order, ctx, job).result(WAIT) == f"{name}:done"
    finally:
        pool.close()
    return [str(order_id) for order_id, _, _ in ledger.entries]


class Uncopyable(Context):
    """Refuses to be copied."""

    def __copy__(self) -> Any:
        """Refuse."""
        raise RuntimeError("no copies")


class Unreadable:
    """Its order is a property that raises."""

    attempt = None

    @property
    def order(self) -> Any:
        """Raise."""
        raise OSError("the database is gone")


class Unstable:
    """Every second read of its order raises; a `slots` class without weak references."""

    __slots__ = ("attempt", "reads")

    def __init__(self) -> None:
        self.reads = 0
        self.attempt = None

    @property
    def order(self) -> Order:
        """Return an order, or raise."""
        self.reads += 1
        if self.reads % 2 == 0:
            raise LookupError("not now")
        return Order("A")


class _Odd(type):
    """Classes of it do not say what they are made of."""

    def __getattribute__(cls, name: str) -> Any:
        if name == "__mro__":
            raise RuntimeError("no bases")
        return super().__getattribute__(name)


class Opaque(metaclass=_Odd):
    """A context that nobody can look into."""

    order: Any = None
    attempt = None


@pytest.mark.parametrize("mode", ["pin", "observe", "strict"])
@pytest.mark.parametrize("context", [Uncopyable, Unreadable, Unstable, Opaque])
def test_a_context_that_breaks_us_does_not_break_the_host(
    context: Any,
    mode: str,
    telemetry: Telemetry,
    no_internal_errors: Tally,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The rows are done and filed; errors of ours are in the counter, one warning tells of them, and no row is lost."""
    caplog.set_level(logging.DEBUG, logger="otel_handoff")
    instrument(telemetry, mode)
    assert work(Pool(), context()) == ["A", "B"]
    expected = context is Opaque
    assert (no_internal_errors.value > 0) is expected
    assert len(warnings(caplog)) == (1 if expected else 0)
    assert telemetry.counted("handoff.internal_errors") == ({(): no_internal_errors.value} if expected else {})
    assert [m for m in telemetry.mismatches if m.is_error] == []
    unchecked = telemetry.counted("handoff.unchecked_rows")
    reason = {Uncopyable: None, Opaque: "internal_error"}.get(context, "field_computed")
    assert {key[-1]: rows for key, rows in unchecked.items() if rows} == ({reason: 2} if reason else {})


def test_the_warning_has_the_traceback_and_comes_once(
    telemetry: Telemetry, no_internal_errors: Tally, caplog: pytest.LogCaptureFixture
) -> None:
    """The first is told with its traceback, the others at DEBUG."""
    caplog.set_level(logging.DEBUG, logger="otel_handoff")
    instrument(telemetry, "pin")
    work(Pool(), Opaque(), "ABCDE")
    assert no_internal_errors.value == 5
    [warning] = warnings(caplog)
    assert warning.exc_info
    assert str(warning.exc_info[1]) == "no bases"
    assert "The pipeline is not affected" in warning.getMessage()
    assert sum("met an error" in record.getMessage() for record in caplog.records) == 5


class Odd:
    """An id whose equality raises."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        raise ArithmeticError("incomparable")

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise ArithmeticError("unprintable")

    def __str__(self) -> str:
        raise ArithmeticError("unprintable, too")


def test_an_id_that_cannot_be_compared_or_printed_keeps_its_alarm(
    telemetry: Telemetry, no_internal_errors: Tally
) -> None:
    """A wrong id is told of even so, in every destination, and nothing of it is an error of ours."""
    instrument(telemetry, "observe")
    pool, ctx, both = Pool(), Context(), threading.Event()

    def job(_order: Order, ctx: Context) -> object:
        assert both.wait(WAIT)
        return ctx.attempt

    futures: list[Any] = []
    first: Any = Odd("A")
    second: Any = Odd("B")
    for attempt in (first, second):
        ctx.attempt = attempt
        futures.append(pool.enqueue(Order("A"), ctx, job))
    both.set()
    for future in futures:
        future.result(WAIT)
    pool.close()
    [mismatch] = telemetry.mismatches
    assert (mismatch.evidence, mismatch.outcome) == ("read", "used")
    assert mismatch.expected["attempt"] is first
    assert "raised ArithmeticError" in str(mismatch)
    [record] = telemetry.logs()
    attributes = record.log_record.attributes or {}
    assert attributes["handoff.expected.attempt"] == "<Odd: __str__ raised ArithmeticError>"
    assert telemetry.counted("handoff.mismatches") == {("orders", "read", "attempt", "used"): 1}
    assert no_internal_errors.value == 0


def test_a_broken_sampler(no_internal_errors: Tally) -> None:
    """A span that cannot be started costs the span, not the row."""
    from opentelemetry.sdk.trace.sampling import Sampler

    class BrokenSampler(Sampler):
        def should_sample(self, *_args: Any, **_kwargs: Any) -> Any:
            raise RuntimeError("no sample")

        def get_description(self) -> str:
            return "broken"

    telemetry = Telemetry(BrokenSampler())
    instrument(telemetry, "pin")
    assert work(Pool(), Context()) == ["A", "B"]
    assert no_internal_errors.value > 0
    telemetry.shutdown()


def test_a_broken_signature(telemetry: Telemetry, no_internal_errors: Tally) -> None:
    """A call that the declaration fits badly is made as the host makes it, errors of its own included."""
    from otel_handoff import Call

    odd = Call("tests.hosts:Ledger.post", {"order_id": "text.0.nothing", "attempt": "nowhere"}, latency_ms="text")
    instrument(telemetry, "observe", boundaries=[boundary(calls=[odd])])
    pool, ledger = Pool(), Ledger()
    broken: Any = ledger.post

    def job(_order: Order, _ctx: Context) -> None:
        broken()

    with pytest.raises(TypeError, match="missing 2 required positional arguments: 'order_id' and 'text'"):
        pool.enqueue(Order("A"), Context(order=Order("A")), job).result(WAIT)
    pool.close()
    assert no_internal_errors.value == 0


def test_the_host_s_own_errors_pass(telemetry: Telemetry, no_internal_errors: Tally) -> None:
    """What the work raises is the host's: it comes through as it is, `BaseException` too, and is not counted."""
    instrument(telemetry, "pin")
    for kind in (KeyError, SystemExit, KeyboardInterrupt, GeneratorExit):
        error = kind("mine")

        def job(_order: Order, _ctx: Context, error: BaseException = error) -> None:
            raise error

        pool = Pool()
        future = pool.enqueue(Order("A"), Context(), job)
        assert future.exception(WAIT) is error
        pool.close()
    assert no_internal_errors.value == 0


def test_the_guard_takes_exceptions_only() -> None:
    """Interrupts and exits are nobody's to swallow."""
    guarded = Guard()
    with guarded:
        raise ValueError
    with pytest.raises(KeyboardInterrupt), guarded:
        raise KeyboardInterrupt
    assert guarded.errors.value == 1
    guarded.reraise = True
    with pytest.raises(ValueError), guarded:
        raise ValueError
    assert guarded.errors.value == 2


def test_a_logging_handler_that_raises_does_not_reach_the_host() -> None:
    """Telling of an error may fail as well."""

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("disk full")

    logger, handler, guarded = logging.getLogger("otel_handoff"), Broken(), Guard()
    logger.addHandler(handler)
    try:
        with guarded:
            raise ValueError
    finally:
        logger.removeHandler(handler)
    assert guarded.errors.value == 1


def test_a_tally_loses_no_count() -> None:
    """Eight threads count ten thousand each, and reading it counts nothing."""
    tally = Tally()

    def count() -> None:
        for _ in range(10_000):
            tally.add()
            assert tally.value > 0

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tally.value == 80_000
    assert tally.value == 80_000
