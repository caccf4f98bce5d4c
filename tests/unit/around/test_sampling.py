"""Rows that a sampler can never record cost no span; all others are asked for."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from otel_handoff import HandoffInstrumentor
from otel_handoff.around.engine import Engine
from otel_handoff.declare.settings import Settings
from tests.hosts import WAIT, Context, Order, Pool, boundary
from tests.telemetry import Telemetry, needs_sdk


def rows(telemetry: Telemetry, parent: TraceFlags | None) -> tuple[int, int]:
    """Hand a row over beneath a parent; return how many spans were asked for, and how many there are."""
    HandoffInstrumentor().instrument(mode="pin", boundaries=[boundary()], **telemetry.options)
    shared = vars(Pool)["enqueue"]._self_wrapper.shared
    tracer, asked = shared.engine.tracer, list[str]()

    class Counting:
        """Remembers what was asked for."""

        def start_span(self, name: str, *args: object, **kwargs: object) -> trace.Span:
            asked.append(name)
            return tracer.start_span(name, *args, **kwargs)

    shared.engine.tracer = Counting()
    token = None
    if parent is not None:
        span = NonRecordingSpan(SpanContext(1, 2, is_remote=True, trace_flags=parent))
        token = context_api.attach(trace.set_span_in_context(span))
    pool = Pool()
    try:
        pool.enqueue(Order("A"), Context(order=Order("A")), lambda _order, _ctx: None).result(WAIT)
    finally:
        pool.close()
        if token is not None:
            context_api.detach(token)
    return len(asked), len(telemetry.spans("process orders"))


SAMPLED, UNSAMPLED = TraceFlags(TraceFlags.SAMPLED), TraceFlags(TraceFlags.DEFAULT)


@pytest.mark.parametrize(
    ("sampler", "parent", "expected"),
    [
        ("ALWAYS_ON", UNSAMPLED, (1, 1)),
        ("ALWAYS_OFF", None, (0, 0)),
        ("ALWAYS_OFF", SAMPLED, (0, 0)),
        ("DEFAULT_ON", None, (1, 1)),
        ("DEFAULT_ON", SAMPLED, (1, 1)),
        ("DEFAULT_ON", UNSAMPLED, (0, 0)),
        ("DEFAULT_OFF", None, (0, 0)),
        ("DEFAULT_OFF", SAMPLED, (1, 1)),
        ("DEFAULT_OFF", UNSAMPLED, (0, 0)),
    ],
)
def test_a_row_that_is_never_recorded(sampler: str, parent: TraceFlags | None, expected: tuple[int, int]) -> None:
    """As the sampler's public description says."""
    needs_sdk()
    from opentelemetry.sdk.trace import sampling

    telemetry = Telemetry(getattr(sampling, sampler))
    assert rows(telemetry, parent) == expected
    telemetry.shutdown()


def test_a_sampler_of_the_host_s_own_is_asked() -> None:
    """Nobody else knows what it does."""
    needs_sdk()
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler, SamplingResult

    class Own(Sampler):
        """Records what others do not."""

        def should_sample(self, *args: object, **kwargs: object) -> SamplingResult:  # pyright: ignore[reportIncompatibleMethodOverride]
            return ALWAYS_ON.should_sample(*args, **kwargs)  # type: ignore[arg-type]

        def get_description(self) -> str:
            return "Own{root:AlwaysOffSampler}"

    telemetry = Telemetry(Own())
    assert rows(telemetry, UNSAMPLED) == (1, 1)
    telemetry.shutdown()


@pytest.mark.parametrize("on", ["class", "instance"])
def test_a_sampler_that_decides_otherwise_than_its_class_is_asked(on: str) -> None:
    """What it says of itself is inherited then, and is not what it does."""
    needs_sdk()
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased

    class Forced(ParentBased):
        """Records what carries a debug header, say."""

    sampler = Forced(ALWAYS_OFF)
    decides: Any = Forced if on == "class" else sampler
    decides.should_sample = ALWAYS_ON.should_sample
    telemetry = Telemetry(sampler)
    assert rows(telemetry, UNSAMPLED) == (1, 1)
    telemetry.shutdown()


def test_another_boundary_s_provider_may_record_what_this_one_does_not() -> None:
    """A row is asked for as long as boundaries with different providers are attached."""
    needs_sdk()
    from opentelemetry.sdk.trace import TracerProvider, sampling

    off, on = (TracerProvider(sampler=sampler) for sampler in (sampling.ALWAYS_OFF, sampling.ALWAYS_ON))
    here = Engine(Settings(), tracer_provider=off)
    others = [Engine(Settings(), tracer_provider=provider) for provider in (off, on)]
    asked: list[bool] = []
    for step in (here.use, others[0].use, others[1].use, others[1].leave):
        step()
        asked.append(here.may_record(context_api.Context()))
    others[0].leave()
    here.leave()
    assert asked == [False, False, True, False]


def test_what_stands_for_the_parent() -> None:
    """A span of the SDK, or one of a caller; whatever somebody has put in its place is none."""
    needs_sdk()
    from opentelemetry.sdk.trace import TracerProvider, sampling

    [key] = trace.set_span_in_context(trace.INVALID_SPAN, context_api.Context())
    engine = Engine(Settings(), tracer_provider=TracerProvider(sampler=sampling.DEFAULT_OFF))
    caller = NonRecordingSpan(SpanContext(1, 2, is_remote=True, trace_flags=SAMPLED))
    here = [trace.INVALID_SPAN, "no span", caller, TracerProvider().get_tracer("").start_span("here")]
    assert [engine.may_record(context_api.Context({key: span})) for span in here] == [False, False, True, True]
