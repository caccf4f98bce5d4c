"""With OTEL_HANDOFF_IDS=hashed no id leaves the process, and all that is found with ids is found with their hashes."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.json.file import FileSpanExporter
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from otel_handoff import HandoffInstrumentor, HandoffMismatchError
from otel_handoff.record.hashing import PREFIX, Hash
from tests.check import spans
from tests.check.command import read_one_line_of
from tests.hosts import WAIT, Context, Ledger, Order, Pool, back_to_back, boundary
from tests.privacy.exported import Exported, export, told
from tests.telemetry import Telemetry
from tests.traces import lines

KEY = "correct horse battery staple"
EVERYWHERE = {"check.json", "check.txt", "logs.jsonl", "page.html", "perfetto.json", "python.log", "records.csv"}


def hashes(ids: Mapping[str, object], hashed: Callable[[Any], str]) -> frozenset[tuple[str, object]]:
    return frozenset((name, None if id_ is None else hashed(id_)) for name, id_ in ids.items())


def reported(run: Exported, hashed: Callable[[Any], str]) -> Counter[object]:
    """What the hook was given, as hashes."""
    return Counter(
        (each.evidence, each.outcome, hashes(each.expected, hashed), hashes(each.observed, hashed))
        for each in run.run.mismatches
    )


def found(run: Exported) -> Counter[Any]:
    """What `check` found in the files."""
    told = run.checked()
    return Counter(
        (each["evidence"], each["outcome"], frozenset(each["expected"].items()), frozenset(each["observed"].items()))
        for each in (*told["mismatches"], *told["exposures"], *told["again"])
    )


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Exported, Exported]]:
    """A run with plain ids, and one with hashed ones. Under load more rows are late: each is judged by itself."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("OTEL_HANDOFF_IDS_KEY", KEY)
        plain = export("observe", tmp_path_factory.mktemp("plain"), monkeypatch)
        monkeypatch.setenv("OTEL_HANDOFF_IDS", "hashed")
        yield plain, export("observe", tmp_path_factory.mktemp("hashed"), monkeypatch)


def test_no_byte_of_any_id_leaves_the_process(both: tuple[Exported, Exported]) -> None:
    """Traces, logs, metrics, Python's log, and all that is made of them; with plain ids the same search finds them."""
    plain, hashed = both
    assert set(hashed.files()) == set(plain.files()) > EVERYWHERE | {"traces.jsonl"}
    assert {id_ for id_ in hashed.ids() if hashed.containing(id_)} == set()
    assert len(hashed.ids()) > 60
    assert len([id_ for id_ in plain.ids() if plain.containing(id_)]) > 60
    assert {name for id_ in plain.ids() for name in plain.containing(id_)} == EVERYWHERE | {"traces.jsonl"}
    assert hashed.containing(PREFIX) == EVERYWHERE | {"traces.jsonl"}


def test_the_same_mismatches_are_found(both: tuple[Exported, Exported]) -> None:
    """By `check`, in the files: those that the hook was given, each of them, with the hashes of their ids."""
    plain, hashed = both
    assert found(plain) == reported(plain, str)
    assert found(hashed) == reported(hashed, Hash(KEY))
    assert Counter(mismatch[0] for mismatch in found(hashed).elements())["call"] > 3


def test_each_record_leads_back_to_its_row(both: tuple[Exported, Exported]) -> None:
    """Of each wrong call: what it is filed under, where it belongs, and the rest as it was."""
    _, run = both
    as_hash = Hash(KEY)
    calls = [each for each in run.run.mismatches if each.evidence == "call"]
    by_span = {(f"{each.trace_id:032x}", f"{each.span_id:016x}"): each for each in calls}
    assert len(by_span) == len(calls) > 3
    for told_of in run.checked()["mismatches"]:
        if told_of["evidence"] == "call":
            real = by_span.pop((told_of["trace_id"], told_of["span_id"]))
            assert told_of["submission"]["ids"].items() == hashes(real.submission.ids, as_hash)
            assert told_of["culprit"]["value"] == as_hash(real.culprit.value if real.culprit else "")
            assert told_of["details"] == real.as_dict()["details"]
            assert told_of["unknown"] == []
    assert by_span == {}


def test_the_hook_has_the_ids_as_they_are(both: tuple[Exported, Exported]) -> None:
    """It is within the process; what it sends on it can have with hashes."""
    for mismatch in both[1].run.mismatches:
        assert PREFIX not in f"{mismatch}{mismatch.as_dict()}"
        assert str(mismatch.submission.ids["token_id"]) not in str(mismatch.exported())
    for mismatch in both[0].run.mismatches:
        assert mismatch.exported() is mismatch


@pytest.mark.parametrize("key", ["", KEY])
def test_the_command_finds_an_id(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line as sha256sum prints it, and with the key of the environment."""
    monkeypatch.setenv("OTEL_HANDOFF_IDS_KEY", f"{key}\n")
    hashed = Hash(key)
    assert told("hash", "row-0006", "17").decode() == f"{hashed('row-0006')}  row-0006\n{hashed(17)}  17\n"


def test_a_reader_of_hashes_that_has_enough_is_no_error() -> None:
    """As `| head` is; and a disk that is full is told in a line."""
    command = [sys.executable, "-m", "otel_handoff.cli", "hash", *map(str, range(10_000))]
    done = read_one_line_of(*command)
    assert (done.code, done.err) == (1, "")
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr.startswith("otel-handoff: No space left on device\n")
    assert "Traceback" not in done.stderr


def test_a_hash_is_what_other_tools_make_of_it() -> None:
    """The first 16 digits of `printf %s row-17 | openssl sha256 [-hmac KEY]`."""
    assert Hash()("row-17") == "hashed:cc56d01a57b1756a"
    assert Hash("key")("row-17") == "hashed:dc4e1e99ab182a37"


# -- a small host, for the ways out that the pipeline does not take


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """Providers; whatever is instrumented ends with the test."""
    telemetry = Telemetry()
    yield telemetry
    HandoffInstrumentor().uninstrument()
    telemetry.shutdown()


def race(telemetry: Telemetry, mode: str, ids: str = "hashed") -> list[BaseException | None]:
    """`secret-A`'s worker posts under the ids of `secret-B`, and starts a span that tells them in its name, too."""
    HandoffInstrumentor().instrument(
        mode=mode,
        ids=ids,
        boundaries=[boundary(aliases={"order_id": ("order.id",)})],
        **telemetry.options,
    )
    pool, ledger, ctx, both = Pool(), Ledger(), Context(), threading.Event()
    tracer = telemetry.tracer_provider.get_tracer("host")

    def job(order: Order, ctx: Context) -> None:
        assert both.wait(WAIT)
        with tracer.start_as_current_span("right", attributes={"order.id": order.id}):
            pass
        if ctx.order is not None and order.id != ctx.order.id:
            with tracer.start_as_current_span(f"GET /{ctx.order.id}", attributes={"order.id": ctx.order.id}):
                pass
            ledger.post(ctx.order.id, "text")

    futures = back_to_back(pool, ctx, job, both, ["secret-A", "secret-B"])
    errors = [future.exception(WAIT) for future in futures]
    pool.close()
    return errors


def ours(telemetry: Telemetry) -> str:
    """All that this package put into telemetry: not the names and aliases that the host itself put there."""
    spans = [
        (
            {name: value for name, value in (span.attributes or {}).items() if name != "order.id"},
            [(event.name, dict(event.attributes or {})) for event in span.events],
            span.status.description,
        )
        for span in telemetry.spans()
    ]
    logs = [(log.log_record.body, dict(log.log_record.attributes or {})) for log in telemetry.logs()]
    return repr((spans, logs))


@pytest.mark.parametrize("mode", ["observe", "strict", "pin"])
def test_nothing_of_a_small_host_leaves(telemetry: Telemetry, mode: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nor out of a span's name, nor in the message of the error that strict raises."""
    with caplog.at_level(logging.DEBUG):
        errors = race(telemetry, mode)
    assert telemetry.mismatches
    assert "secret" in str(telemetry.mismatches[0])
    for text in (ours(telemetry), repr(errors), *caplog.messages, *(repr(vars(record)) for record in caplog.records)):
        assert "secret" not in text
    assert PREFIX in ours(telemetry)
    assert any(isinstance(error, HandoffMismatchError) for error in errors) == (mode == "strict")


def test_others_spans_are_compared_with_the_ids_as_they_are(telemetry: Telemetry) -> None:
    """A plain id under an alias is the row's own; that of another row is a mismatch."""
    race(telemetry, "observe")
    seen = [mismatch for mismatch in telemetry.mismatches if mismatch.evidence == "span"]
    assert [dict(mismatch.observed) for mismatch in seen] == [{"order_id": "secret-B"}]


def test_check_finds_the_same_either_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a host whose race is held in place: mismatch by mismatch, but for names of spans and the hashes."""

    def checked(ids: str, shown: Callable[[Any], str]) -> list[Any]:
        telemetry, traces = Telemetry(), tmp_path / f"{ids}.jsonl"
        telemetry.tracer_provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(traces)))
        race(telemetry, "observe", ids)
        HandoffInstrumentor().uninstrument()
        telemetry.shutdown()
        mismatches = json.loads(told("check", str(traces), "--format", "json"))["mismatches"]
        kept = ("evidence", "outcome", "stale", "torn", "found_by", "unknown", "location")
        ids_of = ("expected", "observed", "filed")
        return [
            {name: each[name] for name in kept} | {side: shown(each[side]["order_id"]) for side in ids_of}
            for each in mismatches
        ]

    monkeypatch.delenv("OTEL_HANDOFF_IDS_KEY", raising=False)
    hashed = checked("hashed", str)
    assert hashed == checked("plain", Hash())
    assert [mismatch["evidence"] for mismatch in hashed] == ["call", "span"]


def test_none_stays_none(telemetry: Telemetry) -> None:
    """An id that is not there is not hashed: there is nothing to hide, and it must not look like one."""
    race(telemetry, "observe")
    (call,) = (mismatch for mismatch in telemetry.mismatches if mismatch.evidence == "call")
    assert call.submission.ids["attempt"] is None
    assert call.exported().submission.ids["attempt"] is None
    assert "orders.attempt" not in call.submission.attributes


def test_check_leaves_to_the_detector_what_it_cannot_compare(tmp_path: Path) -> None:
    """An id that others put there as it is, below a row whose ids are hashes; two hashes that differ are a mismatch."""
    row = spans.row(1, 1, attributes=lines.attributes(spans.submission(1, token_id=f"{PREFIX}11")))

    def mismatches(token_id: str) -> int:
        foreign = lines.span(2, "GET", 1, attributes=lines.attributes({"token.id": token_id}))
        path = tmp_path / "traces.jsonl"
        path.write_text(lines.text(lines.request(row, foreign)))
        return json.loads(told("check", str(path), "--format", "json"))["checked"]["mismatches"]

    assert [mismatches(id_) for id_ in ("token-1", f"{PREFIX}11", f"{PREFIX}12")] == [0, 0, 1]
