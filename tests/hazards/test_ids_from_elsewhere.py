"""Which row it is stands in one argument, what is shared and changed in another: found by the one, in the other."""

# ruff: noqa: D102 - each class says what its functions do

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import pytest

from otel_handoff import Boundary, Call, HandoffMismatchError, current_submission
from tests.hazards.conftest import Instrument
from tests.hazards.one_row import MODES
from tests.hazards.rows import culprits, told
from tests.hosts import WAIT, Ledger
from tests.telemetry import Telemetry

Work = Callable[[Any, Any, Any], Any]

IN_EACH_MODE = pytest.mark.parametrize("mode", MODES)
TENANT: ContextVar[Any] = ContextVar("tenant")


class Options:
    """One for the whole program."""

    target: Any = None
    extra: Any = None


class Scanner:
    """Is given a target and the options, sets the one on the other, and reads it back when all have."""

    def __init__(self, workers: int) -> None:
        self.pool = ThreadPoolExecutor(workers)
        self.written = threading.Barrier(workers, timeout=WAIT)
        self.ledger = Ledger()
        self.order = threading.Lock()

    def start(self, job: Any, options: Any) -> Any:
        """Submit function."""
        return self.pool.submit(self.scan, job, options)

    def scan(self, job: Any, options: Any) -> Any:
        """Work function."""
        return job.body(self, job, options)

    def late(self, job: Any, options: Any) -> Any:
        """Write its own, and read it late."""
        options.target = job.target
        self.written.wait()
        return self.file(options.target, job.target)

    def file(self, target: Any, text: str) -> Any:
        try:
            return self.ledger.post(target, text)
        except HandoffMismatchError:
            return f"blocked:{text}"


def declare(**options: Any) -> Boundary:
    """The scanner's boundary: the options are shared, and the job says which row it is."""
    declared: dict[str, Any] = {
        "name": "scan",
        "submit": f"{__name__}:Scanner.start",
        "work": f"{__name__}:Scanner.scan",
        "context": "options",
        "fields": {"target": "target"},
        "ids": {"target": "job.target"},
        "calls": [Call("tests.hosts:Ledger.post", {"target": "order_id"})],
    }
    return Boundary(**{**declared, **options})


def scan(names: str, body: Work, options: Any = None) -> list[Any]:
    """Hand over a row for each letter, all with the same options; return what each filed."""
    options = Options() if options is None else options
    scanner = Scanner(len(names))
    rows = [scanner.start(SimpleNamespace(target=name, body=body), options) for name in names]
    try:
        return [row.result(WAIT) for row in rows]
    finally:
        scanner.pool.shutdown()


@IN_EACH_MODE
def test_a_worker_that_reads_back_late_what_it_wrote_itself(
    mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """Each writes its own target; all but one then file under the last."""
    instrument(mode, boundaries=[declare()])
    filed = dict(zip("ABC", scan("ABC", Scanner.late), strict=True))
    wrong = {name for name, entry in filed.items() if entry != f"{name}:{name}"}
    reported = {(row["target"], outcome) for row, outcome in _rows(telemetry)}
    if mode == "pin":
        assert wrong == set()
        assert reported == set()
    else:
        assert len(wrong) == 2
        assert reported == {(name, "blocked" if mode == "strict" else "used") for name in wrong}
        assert None not in culprits(telemetry)
    assert [mismatch.expected["target"] for mismatch in telemetry.mismatches] == [
        mismatch.submission.ids["target"] for mismatch in telemetry.mismatches
    ]
    assert telemetry.unchecked() == {}  # nor was its own id left on its copy


def _rows(telemetry: Telemetry) -> list[tuple[Any, str]]:
    return [(mismatch.submission.ids, mismatch.outcome) for mismatch in telemetry.mismatches]


@IN_EACH_MODE
def test_a_right_run_is_right(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """One row after the other: each finds what the one before left, writes its own, and files under that."""
    instrument(mode, boundaries=[declare()])
    options = Options()
    for name in "ABC":
        assert scan(name, Scanner.late, options) == [f"{name}:{name}"]
    assert told(telemetry) == []
    assert telemetry.unchecked() == {}
    spans = telemetry.spans("process scan")
    assert [dict(span.attributes or {})["scan.target"] for span in spans] == ["A", "B", "C"]


@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_a_none_before_anybody_wrote_is_no_mismatch(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is what there was, and no other row's."""

    def reads(scanner: Scanner, job: Any, options: Any) -> Any:
        return options.target, current_submission()

    instrument(mode, boundaries=[declare()])
    ((read, submission),) = scan("A", reads)
    assert read is None
    assert submission is not None
    assert dict(submission.ids) == {"target": "A"}
    assert told(telemetry) == []


def test_a_none_that_somebody_wrote_since_is_one(instrument: Instrument, telemetry: Telemetry) -> None:
    """A cleanup of another row's, say."""
    instrument("observe", boundaries=[declare()])
    assert _while_it_waits(lambda options: setattr(options, "target", None)) == "None:A"
    assert [(row, outcome) for row, _, outcome, _ in _told(telemetry)] == [("A", "used")]


def _while_it_waits(change: Callable[[Any], object], target: Any = None) -> Any:
    # Hand over row A; change the options while its worker waits; return what that then files.
    options, scanner = Options(), Scanner(1)
    begun, go = threading.Event(), threading.Event()

    def waits(scanner: Scanner, job: Any, options: Any) -> Any:
        begun.set()
        assert go.wait(WAIT)
        return scanner.file(options.target, job.target)

    options.target = target
    row = scanner.start(SimpleNamespace(target="A", body=waits), options)
    assert begun.wait(WAIT)
    change(options)
    go.set()
    try:
        return row.result(WAIT)
    finally:
        scanner.pool.shutdown()


def _told(telemetry: Telemetry) -> list[Any]:
    return [(m.submission.ids["target"], m.evidence, m.outcome, dict(m.observed)) for m in telemetry.mismatches]


def test_what_another_left_is_wrong_where_the_worker_writes_nothing(
    instrument: Instrument, telemetry: Telemetry
) -> None:
    """It forgot to set its own; one that keeps it to put it back reads it for that."""

    def puts_back(scanner: Scanner, job: Any, options: Any) -> Any:
        before = options.target
        options.target = job.target
        try:
            return scanner.file(options.target, job.target)
        finally:
            options.target = before

    instrument("observe", boundaries=[declare()])
    options = Options()
    options.target = "left"
    assert scan("A", puts_back, options) == ["A:A"]
    assert options.target == "left"
    assert told(telemetry) == []
    assert scan("B", lambda scanner, job, options: options.target, options) == ["left"]
    assert [(row, evidence, outcome) for row, evidence, outcome, _ in _told(telemetry)] == [("B", "read", "used")]
    assert scan("C", lambda scanner, job, options: scanner.file(vars(options)["target"], "C"), options) == ["left:C"]
    assert [(row, evidence, outcome) for row, evidence, outcome, _ in _told(telemetry)][1:] == [("C", "call", "used")]


@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_a_submit_function_that_sets_it_as_well(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """The context agrees when the row is handed over, and moves on to the next row's."""
    instrument(mode, boundaries=[declare()])
    filed = _while_it_waits(lambda options: setattr(options, "target", "B"), "A")
    assert filed == ("A:A" if mode == "pin" else "B:A")
    assert [(row, outcome, observed) for row, _, outcome, observed in _told(telemetry)] == [
        ("A", "prevented" if mode == "pin" else "used", {"target": "B"})
    ]


@IN_EACH_MODE
def test_where_the_work_function_is_named_alone(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It is given both."""
    instrument(mode, boundaries=[declare(submit=None)])
    filed = dict(zip("ABC", scan("ABC", Scanner.late), strict=True))
    wrong = {name for name, entry in filed.items() if entry != f"{name}:{name}"}
    assert len(wrong) == (0 if mode == "pin" else 2)
    assert {row["target"] for row, outcome in _rows(telemetry) if outcome != "prevented"} == wrong
    assert telemetry.unchecked() == {}


class Queued(Scanner):
    """Only the work function is given the job: the submit function knows it by a number."""

    jobs: dict[int, Any]

    def start(self, job: Any, options: Any) -> Any:
        self.jobs = {1: job}
        return self.enqueue(1, options)

    def enqueue(self, number: int, options: Any) -> Any:
        return self.pool.submit(self.run, self.jobs[number], options)

    def run(self, job: Any, options: Any) -> Any:
        return job.body(self, job, options)


def test_ids_that_only_the_work_function_is_given(instrument: Instrument, telemetry: Telemetry) -> None:
    """They are the submission's from when it begins."""
    queued = {"submit": f"{__name__}:Queued.enqueue", "work": f"{__name__}:Queued.run", "row": "target"}
    instrument("observe", boundaries=[declare(**queued)])
    scanner, options = Queued(1), Options()
    seen: list[Any] = []

    def files(scanner: Scanner, job: Any, options: Any) -> Any:
        submission = current_submission()
        seen.append(submission and dict(submission.ids))
        options.target = "other" if job.target == "B" else job.target
        return scanner.file(vars(options)["target"], job.target)

    for name in "AB":
        row = scanner.start(SimpleNamespace(target=name, body=files), options)
        row.result(WAIT)
    scanner.pool.shutdown()
    assert seen == [{"target": "A"}, {"target": "B"}]
    assert told(telemetry) == []  # B's worker wrote it itself
    assert telemetry.unchecked() == {}
    spans = telemetry.spans("process scan")
    assert [dict(span.attributes or {})["scan.target"] for span in spans] == ["A", "B"]


def test_what_is_shared_has_the_id_that_only_the_work_function_is_given(
    instrument: Instrument, telemetry: Telemetry
) -> None:
    """From then on it is known to be that row's: that it moved on while nobody read it is told."""
    instrument("observe", boundaries=[declare(submit=f"{__name__}:Queued.enqueue", work=f"{__name__}:Queued.run")])
    scanner, options = Queued(1), Options()
    options.target = "A"

    begun, go = threading.Event(), threading.Event()

    def waits(_scanner: Scanner, _job: Any, _options: Any) -> bool:
        begun.set()
        return go.wait(WAIT)

    row = scanner.start(SimpleNamespace(target="A", body=waits), options)
    assert begun.wait(WAIT)
    options.target = "B"
    go.set()
    assert row.result(WAIT)
    scanner.pool.shutdown()
    assert _told(telemetry) == [("A", "end", "exposed", {"target": "B"})]


def test_ids_that_nobody_is_given_are_told(
    instrument: Instrument, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """When it is declared, and of each row; nothing is called wrong that is not known."""
    instrument("observe", boundaries=[declare(ids={"target": "jobb.target"})])
    assert scan("A", Scanner.late) == ["A:A"]
    assert told(telemetry) == []
    assert telemetry.unchecked() == {"field_unresolved": 1}
    assert caplog.messages[0] == (
        f"Boundary 'scan': ids['target']: neither {__name__}:Scanner.start nor {__name__}:Scanner.scan has a "
        "parameter 'jobb', where 'jobb.target' starts: it is not checked. Did you mean 'job'?"
    )


def test_more_ids_than_fields(instrument: Instrument, telemetry: Telemetry) -> None:
    """What the context knows nothing of is compared in calls."""
    calls = [Call("tests.hosts:Ledger.post", {"target": "order_id", "attempt": "text"})]
    instrument("observe", boundaries=[declare(ids={"target": "job.target", "attempt": "job.attempt"}, calls=calls)])
    scanner, options = Scanner(1), Options()

    def files(scanner: Scanner, job: Any, options: Any) -> Any:
        options.target = job.target
        return scanner.file(options.target, "2")

    job = SimpleNamespace(target="A", attempt="1", body=files)
    assert scanner.start(job, options).result(WAIT) == "A:2"
    scanner.pool.shutdown()
    assert [(row, outcome, observed) for row, _, outcome, observed in _told(telemetry)] == [
        ("A", "used", {"attempt": "2"})
    ]


@IN_EACH_MODE
def test_an_id_in_an_inner_dict_that_all_share(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Each row stays what it says it is, whatever is in there when it is handed over, and when its work begins."""

    def builds(scanner: Scanner, job: Any, config: Any) -> Any:
        config["environment"]["image"] = job.target
        scanner.written.wait()
        try:
            return scanner.ledger.post(config["environment"], job.target)
        except HandoffMismatchError:
            return None

    calls = [Call("tests.hosts:Ledger.post", {"target": "order_id[image]"})]
    instrument(mode, boundaries=[declare(fields={"target": "environment.image"}, calls=calls)])
    filed = dict(zip("ABC", scan("ABC", builds, {"environment": {"class": "docker", "image": "left"}}), strict=True))
    wrong = {name for name, entry in filed.items() if entry is None or f"'image': {name!r}" not in entry}
    assert len(wrong) == (0 if mode == "pin" else 2)
    assert {(row, outcome) for row, _, outcome, _ in _told(telemetry)} == {
        (name, "blocked" if mode == "strict" else "used") for name in wrong
    }
    spans = telemetry.spans("process scan")
    assert sorted(str(dict(span.attributes or {})["scan.target"]) for span in spans) == ["A", "B", "C"]
    assert telemetry.unchecked() == {}


def test_the_context_may_be_missing_where_it_says_nothing(instrument: Instrument, telemetry: Telemetry) -> None:
    """A ContextVar that is not set yet, say: calls are compared with the ids."""
    instrument("observe", boundaries=[declare(context=f"{__name__}:TENANT", fields={"target": "name"})])
    assert scan("A", lambda scanner, job, options: scanner.file("B", "entry")) == ["B:entry"]
    assert [(row, outcome) for row, _, outcome, _ in _told(telemetry)] == [("A", "used")]
    assert telemetry.unchecked() == {}


class Middleware:
    """One instance for all requests keeps on itself what it is about to log."""

    body: Any = None

    def __init__(self, view: Callable[[Any], object]) -> None:
        self.view = view
        self.ledger = Ledger()

    def __call__(self, request: Any) -> Any:
        self.body = request.body
        self.view(request)
        return self.log(request)

    def log(self, request: Any) -> Any:
        return self.ledger.post(self.body, request.name)


def test_a_middleware_that_keeps_the_request_on_itself(instrument: Instrument, telemetry: Telemetry) -> None:
    """The server's threads share it; which request it is says the request."""
    where = f"{__name__}:Middleware"
    declared = declare(
        submit=f"{where}.__call__",
        work=f"{where}.log",
        context="self",
        fields={"target": "body"},
        ids={"target": "request.body"},
    )
    instrument("observe", boundaries=[declared])
    all_there = threading.Barrier(3, timeout=WAIT)
    middleware = Middleware(lambda _: all_there.wait())
    filed: dict[str, Any] = {}

    def serve(name: str) -> None:
        filed[name] = middleware(SimpleNamespace(name=name, body=name))

    threads = [threading.Thread(target=serve, args=(name,)) for name in "ABC"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    wrong = {name for name, entry in filed.items() if entry != f"{name}:{name}"}
    assert len(wrong) == 2
    assert {row for row, _, outcome, _ in _told(telemetry) if outcome == "used"} == wrong
    assert telemetry.unchecked() == {}


# -- pins="ids"


def reads_it(scanner: Any, job: Any, options: Any) -> Any:
    """File under what is there."""
    scanner.written.wait()
    return scanner.file(options.target, job.target)


def read_ahead(options: Any, declared: Boundary, instrument: Instrument) -> list[Any]:
    """Hand over three rows, of which each is set on the options before the one before it is handed over."""
    instrument("pin", boundaries=[declared])
    scanner = Scanner(3)
    handed: list[Any] = []
    names = iter("ABCD")
    ahead = next(names)
    while ahead != "D":
        now, ahead = ahead, next(names)
        options.target = ahead
        handed.append(scanner.start(SimpleNamespace(target=now, body=reads_it), options))
    try:
        return [row.result(WAIT) for row in handed]
    finally:
        scanner.pool.shutdown()


@pytest.mark.parametrize("more", [{}, {"ids": {"target": "job.target"}, "submit": None}], ids=["submit", "alone"])
def test_a_worker_reads_the_id_of_its_row(more: dict[str, Any], instrument: Instrument, telemetry: Telemetry) -> None:
    """What is shared had another's by then. What it would have read is told as prevented."""
    assert read_ahead(Options(), declare(pins="ids", **more), instrument) == ["A:A", "B:B", "C:C"]
    assert {(m.submission.ids["target"], m.observed["target"], m.outcome) for m in telemetry.mismatches} == {
        (row, "D", "prevented") for row in "ABC"
    }
    assert telemetry.unchecked() == {}


def test_without_that_it_is_left_as_it_is(instrument: Instrument, telemetry: Telemetry) -> None:
    """A worker may look whose it is, and switch it over: what it reads is not made up. A wrong record is told."""
    assert read_ahead(Options(), declare(), instrument) == ["B:A", "C:B", "D:C"]
    assert {m.submission.ids["target"] for m in telemetry.mismatches if m.outcome == "used"} == {"A", "B", "C"}


class Inner:
    """Holds the target."""

    target: Any = None


class Deep:
    """Has it one object further, or in a dict."""

    def __init__(self, *, in_dict: bool) -> None:
        self.inner: Any = Inner()
        self.meta: dict[str, Any] = {"target": None}
        self.in_dict = in_dict

    @property
    def target(self) -> Any:
        """What is there."""
        return self.meta["target"] if self.in_dict else self.inner.target

    @target.setter
    def target(self, value: Any) -> None:
        if self.in_dict:
            self.meta["target"] = value
        else:
            self.inner.target = value


@pytest.mark.parametrize("path", ["inner.target", "meta.target"])
def test_and_where_the_id_lies_deeper(path: str, instrument: Instrument) -> None:
    """In an object it is given at the read, in a dict of the worker's own."""
    declared = declare(pins="ids", fields={"target": path})
    assert read_ahead(Deep(in_dict=path.startswith("meta")), declared, instrument) == ["A:A", "B:B", "C:C"]


@pytest.mark.parametrize("mode", ["observe", "strict"])
def test_what_leads_to_an_id_is_read_to_put_the_row_s_own_there(
    mode: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """A dict that has another's by then is read by a worker that writes its own into it: that is no mismatch."""
    instrument(mode, boundaries=[declare(fields={"target": "meta.target"})])
    options, scanner, turns = Deep(in_dict=True), Scanner(2), threading.Barrier(2, timeout=WAIT)

    def writes(scanner: Any, job: Any, options: Any) -> Any:
        turns.wait()
        options.meta["target"] = job.target
        return scanner.file(job.target, job.target)

    options.target = "Z"
    handed = [scanner.start(SimpleNamespace(target=name, body=writes), options) for name in "AB"]
    assert [row.result(WAIT) for row in handed] == ["A:A", "B:B"]
    scanner.pool.shutdown()
    assert [m for m in telemetry.mismatches if m.outcome != "exposed"] == []
