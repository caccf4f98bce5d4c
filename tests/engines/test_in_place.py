"""Celery in this process, with a broker in memory: what attaches, what is left as it was, and what is no slip."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from otel_handoff import Boundary, Call, HandoffInstrumentor
from tests.engines.conftest import needs_celery
from tests.telemetry import Telemetry

pytestmark = [needs_celery, pytest.mark.filterwarnings("ignore")]


class Desk:
    """What the submitter goes on changing."""

    row: Any = None

    def __init__(self, row: Any = None) -> None:
        self.row = row


class Trail:
    """What was filed."""

    filed: list[tuple[Any, Any]]

    def file(self, row: Any, under: Any) -> None:
        """File `row` under an id."""
        self.filed.append((row, under))


TRAIL = Trail()


@pytest.fixture
def app() -> Iterator[Any]:
    """An app of this test's own."""
    from celery import Celery
    from kombu.serialization import disable_insecure_serializers, enable_insecure_serializers

    enable_insecure_serializers(["pickle"])
    TRAIL.filed = []
    app: Any = Celery("here", broker="memory://", backend="cache+memory://", set_as_current=False)
    app.conf.update(task_serializer="pickle", result_serializer="pickle", accept_content=["pickle", "json"])

    @app.task(name="here.bill")
    def bill(row: Any, desk: Any) -> Any:
        TRAIL.file(row, desk.row)
        return row

    yield app
    if HandoffInstrumentor().is_instrumented_by_opentelemetry:
        HandoffInstrumentor().uninstrument()
    app.close()
    disable_insecure_serializers()


def instrument(telemetry: Telemetry, mode: str = "observe", **options: Any) -> None:
    """Declare the task."""
    calls = [Call(f"{__name__}:Trail.file", ids={"row": "under"})]
    boundary = Boundary(name="bills", work="celery:here.*", context="desk", fields={"row": "row"}, calls=calls)
    HandoffInstrumentor().instrument(mode=mode, boundaries=[boundary], **telemetry.options, **options)


def work(app: Any, count: int = 1, **delivery_info: Any) -> None:
    """Do what is in the queue, as a worker does."""
    from celery.app.trace import build_tracer

    with app.connection_for_read() as connection, connection.SimpleQueue("celery") as queue:
        for _ in range(count):
            message = queue.get(timeout=5)
            args, kwargs, _ = message.decode() if hasattr(message, "decode") else message.payload
            task = app.tasks[message.headers["task"]]
            if task.__trace__ is None:
                task.__trace__ = build_tracer(task.name, task, app=app)
            request = {**message.headers, "delivery_info": delivery_info, "reply_to": None}
            task.__trace__(message.headers["id"], args, kwargs, request)
            message.ack()


def late(app: Any, count: int = 3) -> list[Any]:
    """Make signatures of one desk."""
    desk, made = Desk(), []
    for row in range(count):
        desk.row = row
        made.append(app.tasks["here.bill"].s(row, desk))
    return made


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_it_is_on_whenever_it_is_turned_on(mode: str, when: str, app: Any, telemetry: Telemetry) -> None:
    """Before the tasks are there, or after one has been run."""
    app.finalize()
    if when == "after":
        app.tasks["here.bill"].delay(0, Desk(0))
        work(app)
        TRAIL.filed.clear()
    instrument(telemetry, mode)
    for signature in late(app):
        signature.delay()
    work(app, 3)
    assert [row == under for row, under in TRAIL.filed] == ([True] * 3 if mode == "pin" else [False, False, True])
    outcomes = [(mismatch.outcome, mismatch.evidence) for mismatch in telemetry.mismatches]
    if mode == "pin":
        assert outcomes == [("prevented", "read")] * 2
    else:
        assert sorted(outcomes) == [("used", "call")] * 2 + [("used", "read")] * 2
    assert [span.attributes["handoff.delivery"] for span in telemetry.spans("process bills")] == [1, 1, 1]  # type: ignore[index]
    assert len(telemetry.spans("send bills")) == 3


def test_everything_is_given_back(app: Any, telemetry: Telemetry) -> None:
    """What Celery had of its own, and what it had looked up of the tasks'."""
    from celery.app.base import Celery
    from celery.app.task import Task
    from celery.canvas import Signature

    app.finalize()
    task = app.tasks["here.bill"]
    before = [vars(Signature)["__init__"], vars(Celery)["send_task"], vars(Task)["bind"], vars(type(task))["run"]]
    instrument(telemetry)
    assert vars(type(task))["run"] is not before[3]
    HandoffInstrumentor().uninstrument()
    after = [vars(Signature)["__init__"], vars(Celery)["send_task"], vars(Task)["bind"], vars(type(task))["run"]]
    assert all(one is other for one, other in zip(before, after, strict=True))
    late(app)[0].delay()
    work(app)
    assert TRAIL.filed == [(0, 2)]
    assert telemetry.mismatches == []
    assert task.s(1, None).options == {}


def test_a_signature_is_a_row_each_time_that_it_is_sent(app: Any, telemetry: Telemetry) -> None:
    """Also as a clone, and through JSON."""
    from celery.canvas import signature

    instrument(telemetry)
    app.finalize()
    made = app.tasks["here.bill"].s("r1", Desk("r1"))
    made.delay()
    made.clone().delay()
    text = json.dumps(made.options)
    assert json.loads(text)["headers"] == {"handoff": ""}
    again: Any = signature(dict(made), app=app)
    assert again.options == made.options
    work(app, 2)
    numbers = [span.attributes["handoff.submission.id"] for span in telemetry.spans("process bills")]  # type: ignore[index]
    assert len(set(numbers)) == 2
    assert TRAIL.filed == [("r1", "r1")] * 2
    assert telemetry.mismatches == []


def test_what_cannot_be_told_of_a_signature_is_said(app: Any, telemetry: Telemetry) -> None:
    """Two that may be its context, or a task that is known by its name alone; not where the context is named."""

    @app.task(name="here.note", shared=False)
    def note(_before: Any, desk: Any, row: Any = "") -> None:
        TRAIL.file(row, desk.row)

    from celery import chain
    from celery.canvas import signature

    instrument(telemetry)
    app.finalize()
    desk = Desk("r1")
    made = [note.s(Desk(), desk), note.si(None, desk, "r2"), note.s(desk=desk, row="r3")]
    made.append(signature("here.later", args=("r4", desk), app=app))
    made.append(signature("here.later", kwargs={"row": "r5", "desk": desk}, app=app))
    said = [one.options.get("headers") is not None and one.options["headers"]["handoff"].lease is None for one in made]
    assert said == [True, False, False, True, False]
    chain(app.tasks["here.bill"].si("r0", Desk("r0")), made[0]).apply_async()
    made[3].apply_async()
    assert telemetry.unchecked() == {"context_unreadable": 2}

    @app.task(name="here.later", shared=False)
    def later(row: Any, desk: Any) -> None:
        TRAIL.file(row, desk.row)

    work(app, 2)
    assert [row for row, _ in TRAIL.filed] == ["r0", "r4"]
    assert telemetry.mismatches == []


def test_it_is_called_in_its_place(app: Any, telemetry: Telemetry) -> None:
    """Directly, and eagerly: that is no row."""
    instrument(telemetry)
    app.finalize()
    app.tasks["here.bill"]("r1", Desk("r1"))
    app.tasks["here.bill"].apply(("r2", Desk("r2")))
    assert [row for row, _ in TRAIL.filed] == ["r1", "r2"]
    assert telemetry.spans("process bills") == []
    assert telemetry.unchecked() == {}


@pytest.mark.parametrize(
    "header",
    [
        '{"version":1,"bound',
        '{"version":2}',
        "x" * 10_000_000,
        ["no", "text"],
        7,
        '{"version":1,"boundary":"others","process":"p","number":1,"time":1,"thread":"t","place":"","ids":{}}',
    ],
    ids=["cut off", "later", "10 MB", "a list", "a number", "another's"],
)
def test_what_is_no_slip_is_said_and_the_work_is_done(header: Any, app: Any, telemetry: Telemetry) -> None:
    """Whatever came."""
    app.finalize()
    app.tasks["here.bill"].apply_async(("r1", Desk("r2")), headers={"handoff": header})
    instrument(telemetry)
    work(app)
    assert TRAIL.filed == [("r1", "r2")]
    assert telemetry.mismatches == []
    assert telemetry.unchecked() == {"slip_unread": 1}


def test_a_broker_that_is_down(app: Any, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is the host's; nothing is left in flight of what was not sent."""
    from kombu.messaging import Producer

    instrument(telemetry)
    app.finalize()

    def down(*_: Any, **__: Any) -> None:
        raise ConnectionError("down")

    monkeypatch.setattr(Producer, "publish", down)
    with pytest.raises(ConnectionError):
        app.tasks["here.bill"].apply_async(("r1", Desk("r1")), retry=False)
    assert telemetry.counted("handoff.in_flight") == {}
    assert telemetry.counted("handoff.sent_rows") in ({}, {("bills",): 0})
    assert telemetry.mismatches == []
    (sent,) = telemetry.spans("send bills")
    assert sent.attributes is not None
    assert sent.attributes["error.type"] == "ConnectionError"


def test_the_doctor_knows_tasks(app: Any, telemetry: Telemetry) -> None:
    """Which are wrapped; and that none is there yet, which a sender needs not have."""
    from otel_handoff.doctor import examine

    instrument(telemetry, "pin")
    found = {finding.subject: finding for finding in examine().findings}
    assert found["bills.work"].state == "unknown"
    assert "no task here.* of celery is there in this process" in found["bills.work"].text
    app.finalize()
    found = {finding.subject: finding for finding in examine().findings}
    assert (found["bills.work"].state, found["bills.work"].text) == ("ok", "here.bill in celery is wrapped")
    assert found["bills.pins"].state == "ok"
    assert "bills.module" not in found


def test_what_is_delivered_again_is_the_same_row(app: Any, telemetry: Telemetry) -> None:
    """A worker was killed before it had acknowledged: the next one has the same slip."""
    instrument(telemetry)
    app.finalize()
    app.tasks["here.bill"].delay("r1", Desk("r1"))
    with app.connection_for_read() as connection, connection.SimpleQueue("celery") as queue:
        queue.get(timeout=5).requeue()
    work(app, redelivered=True)
    assert TRAIL.filed == [("r1", "r1")]
    assert telemetry.mismatches == []
    assert telemetry.unchecked() == {}
    (row,) = telemetry.spans("process bills")
    assert row.attributes is not None
    assert "handoff.delivery" not in row.attributes  # how many there were, nobody knows
