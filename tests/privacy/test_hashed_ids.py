"""With OTEL_HANDOFF_IDS=hashed no id leaves the process, and all that is found with ids is found with their hashes."""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from otel_handoff import HandoffInstrumentor, HandoffMismatchError
from otel_handoff.hashing import PREFIX, Hash
from tests.check import spans
from tests.hosts import WAIT, Context, Ledger, Order, Pool, back_to_back, boundary
from tests.privacy.exported import Exported, export, told
from tests.telemetry import Telemetry
from tests.traces import lines

KEY = "correct horse battery staple"
EVERYWHERE = {"check.json", "check.txt", "logs.jsonl", "page.html", "perfetto.json", "python.log", "records.csv"}


def hashes(ids: Mapping[str, object], hashed: Hash) -> frozenset[tuple[str, object]]:
    return frozenset((name, None if id_ is None else hashed(id_)) for name, id_ in ids.items())


def reported(run: Exported, hashed: Hash) -> Counter[object]:
    """What the hook was given, as hashes."""
    return Counter(
        (each.evidence, each.outcome, hashes(each.expected, hashed), hashes(each.observed, hashed))
        for each in run.run.mismatches
    )


def found(run: Exported) -> Counter[object]:
    """What `check` found in the files."""
    return Counter(
        (each["evidence"], each["outcome"], frozenset(each["expected"].items()), frozenset(each["observed"].items()))
        for each in run.checked()["mismatches"]
    )


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Exported, Exported]]:
    """The same rows, the same races: plain and hashed."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("OTEL_HANDOFF_IDS_KEY", KEY)
        plain = export("observe", tmp_path_factory.mktemp("plain"), monkeypatch)
        monkeypatch.setenv("OTEL_HANDOFF_IDS", "hashed")
        yield plain, export("observe", tmp_path_factory.mktemp("hashed"), monkeypatch)


def test_no_byte_of_any_id_leaves_the_process(both: tuple[Exported, Exported]) -> None:
    """Traces, logs, metrics, Python's log, and all that is made of them; with plain ids the same search finds them."""
    plain, hashed = both
    assert plain.ids() == hashed.ids()
    assert len(plain.ids()) > 60
    assert set(hashed.files()) == set(plain.files()) > EVERYWHERE | {"traces.jsonl"}
    assert {id_ for id_ in hashed.ids() if hashed.containing(id_)} == set()
    assert {id_ for id_ in plain.ids() if not plain.containing(id_)} == set()
    assert {name for id_ in plain.ids() for name in plain.containing(id_)} == EVERYWHERE | {"traces.jsonl"}
    assert hashed.containing(PREFIX) == EVERYWHERE | {"traces.jsonl"}


def test_the_same_mismatches_are_found(both: tuple[Exported, Exported]) -> None:
    """By `check`, in the files: those of the hook, each of them; and the calls, which the schedule decides, in both."""
    plain, hashed = both
    as_hash = Hash(KEY)
    assert found(hashed) == reported(hashed, as_hash)
    assert found(plain) == reported(plain, lambda id_: id_)  # pyright: ignore[reportArgumentType] - as it is

    def calls(told: Counter[Any]) -> Counter[Any]:
        return Counter({mismatch: count for mismatch, count in told.items() if mismatch[0] == "call"})

    assert calls(found(hashed)) == calls(reported(plain, as_hash))
    assert calls(found(hashed)).total() > 3
    counts = [{**run.checked()["checked"], "spans": 0, "mismatches": 0} for run in both]
    assert counts[0] == counts[1]


def test_each_record_leads_back_to_its_row(both: tuple[Exported, Exported]) -> None:
    """The lists of wrong calls, line by line, differ in their ids alone: there is the hash of what is here."""
    lists: list[list[dict[str, Any]]] = []
    for run in both:
        wrong = [each for each in run.checked()["mismatches"] if each["evidence"] == "call"]
        lists.append(sorted(wrong, key=lambda each: each["submission"]["number"]))
    as_hash = Hash(KEY)
    for plain, hashed in zip(*lists, strict=True):
        for side in ("expected", "observed", "filed"):
            assert hashed[side] == {name: as_hash(id_) for name, id_ in plain[side].items()}
        assert hashed["submission"]["ids"] == {name: as_hash(id_) for name, id_ in plain["submission"]["ids"].items()}
        assert hashed["details"] == plain["details"]


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


def test_a_hash_is_what_other_tools_make_of_it() -> None:
    """As `printf %s row-17 | openssl sha256 [-hmac KEY]`, the first 16 digits."""
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


def race(telemetry: Telemetry, mode: str, **options: Any) -> list[BaseException | None]:
    """Let `secret-A`'s worker post under the ids of `secret-B`, and start a span that has them in its name."""
    HandoffInstrumentor().instrument(
        mode=mode,
        ids="hashed",
        boundaries=[boundary(aliases={"order_id": ("order.id",)}, **options)],
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
