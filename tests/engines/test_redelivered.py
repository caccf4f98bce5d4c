"""Brokers deliver again what was not acknowledged: that is the same row, rightly worked on once more."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import context as context_api
from opentelemetry import propagate
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from otel_handoff import Boundary, Call, HandoffInstrumentor
from otel_handoff.file_exporter import FileSpanExporter
from otel_handoff.propagator import HandoffPropagator
from tests.check.command import check, checked
from tests.engines.conftest import needs_celery, run


class Desk:
    """What says which row it is."""

    def __init__(self, row: str) -> None:
        self.row = row


FILED: list[tuple[str, str]] = []


def file(row: str, under: str) -> None:
    """File a row under an id."""
    FILED.append((row, under))


def bill(row: str, desk: Desk) -> None:
    """The work on what a message brought."""
    file(row, desk.row)


class Till:
    """Sends messages by Kafka's client."""

    def __init__(self, servers: str) -> None:
        from confluent_kafka import Producer

        self.producer: Any = Producer({"bootstrap.servers": servers})

    def send(self, row: str, desk: Desk) -> None:
        """Send one; whoever instruments the client fills in the headers likewise."""
        headers: dict[str, str] = {}
        propagate.inject(headers)
        self.producer.produce("bills", pickle.dumps((row, desk)), partition=0, headers=list(headers.items()))


def consume(servers: str, count: int, *, acknowledges: bool) -> None:
    """Work on messages from where the group has got to, and leave."""
    from confluent_kafka import OFFSET_STORED, Consumer, TopicPartition

    options = {"group.id": "bills", "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer: Any = Consumer({"bootstrap.servers": servers, **options})
    consumer.assign([TopicPartition("bills", 0, OFFSET_STORED)])
    while count:
        message = consumer.poll(1)
        if message is None or message.error():
            continue
        token = context_api.attach(propagate.extract({name: value.decode() for name, value in message.headers()}))
        try:
            bill(*pickle.loads(message.value()))
        finally:
            context_api.detach(token)
        count -= 1
    if acknowledges:
        consumer.commit(asynchronous=False)
    consumer.close()


@pytest.fixture
def sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Turn it on, each time as another process would be, with a file of its own."""
    monkeypatch.setattr(propagate, "get_global_textmap", HandoffPropagator)
    FILED.clear()

    def side(name: str) -> None:
        off()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(str(tmp_path / f"{name}.jsonl"))))
        boundary = Boundary(
            name="bills",
            submit=f"{__name__}:Till.send",
            work=f"message:{__name__}:bill",
            context="desk",
            fields={"row": "row"},
            calls=[Call(f"{__name__}:file", ids={"row": "under"})],
        )
        HandoffInstrumentor().instrument(mode="observe", boundaries=[boundary], tracer_provider=provider)

    yield side
    off()


def off() -> None:
    """Turn it off."""
    if HandoffInstrumentor().is_instrumented_by_opentelemetry:
        HandoffInstrumentor().uninstrument()


@pytest.mark.timeout(120)
@pytest.mark.skipif(find_spec("confluent_kafka") is None, reason="confluent-kafka is not installed")
def test_a_consumer_that_leaves_before_it_commits(sides: Callable[[str], None], tmp_path: Path) -> None:
    """The next one has the same messages from a real broker: no mismatch, and it is said how often each was there."""
    from confluent_kafka import Producer

    broker: Any = Producer({"bootstrap.servers": "", "test.mock.num.brokers": 1, "log_level": 0})
    servers = ",".join(f"{each.host}:{each.port}" for each in broker.list_topics(timeout=20).brokers.values())
    sides("sender")
    till = Till(servers)
    for row in ("r1", "r2"):
        till.send(row, Desk(row))
    till.producer.flush()
    for name, count, acknowledges in (("first", 1, False), ("second", 2, True)):
        sides(name)
        consume(servers, count, acknowledges=acknowledges)
    sides("none")
    off()
    assert FILED == [("r1", "r1"), ("r1", "r1"), ("r2", "r2")]
    files = sorted(tmp_path.glob("*.jsonl"))
    done = check(*files, "--fail-on", "any,exposed")
    assert done.code == 0, done.out
    assert "1 row was worked on 2 times; its broker may have delivered it again" in done.out
    told = checked(*files)
    assert (told["verdict"], told["mismatches"]) == ("no mismatch", [])
    assert (told["checked"]["sent"], told["checked"]["never_worked"], told["judged"]) == (2, 0, 2)
    assert "handoff.delivery" not in "".join(path.read_text("utf-8") for path in files)


def _deliveries(path: Path) -> list[int]:
    spans = [
        span
        for line in path.read_text("utf-8").splitlines()
        for resource in json.loads(line)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    carried = [{each["key"]: each["value"] for each in span["attributes"]} for span in spans]
    rows = [values for values in carried if "handoff.queue.duration" in values]
    numbers = [values.get("handoff.delivery", {}).get("intValue") for values in rows]
    return sorted(int(number) if number is not None else 0 for number in numbers)


@needs_celery
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("shape", "pool", "deliveries"),
    [("by_killed", "prefork", [0, 0]), ("by_rejected", "threads", [0, 0, 2, 2])],
)
def test_a_task_that_is_acknowledged_late(shape: str, pool: str, deliveries: list[int], tmp_path: Path) -> None:
    """Its worker was killed after the work, or put it back: no mismatch. Not so that its retry is no other delivery."""
    shop = run(tmp_path, shape, pool=pool, count=1, want=len(deliveries), seconds=20)
    assert len(set(shop.filed)) == 1
    assert shop.told == []
    assert _deliveries(shop.folder / "worker.jsonl") == deliveries
    files = shop.folder / "sender.jsonl", shop.folder / "worker.jsonl"
    done = check(*files, "--fail-on", "any,exposed")
    assert done.code == 0, done.out
    assert f"1 row was worked on {len(deliveries)} times; its broker may have delivered it again" in done.out
    assert checked(*files)["checked"]["never_worked"] == 0
