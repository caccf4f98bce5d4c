"""The pytest plugin: `pytest --handoff` fails a test during which a row was worked on under wrong ids.

pytest loads this in every run of everybody who has otel-handoff installed, so it imports nothing of the rest, and does
nothing, until it is asked to.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, Final

import pytest

from otel_handoff.testing import options
from otel_handoff.testing.totals import Totals

if TYPE_CHECKING:
    from otel_handoff.record.mismatch import Mismatch
    from otel_handoff.testing.session import Session
    from otel_handoff.testing.verdict import Mismatches, Terms

_SESSION: Final[pytest.StashKey[Session]] = pytest.StashKey()
_TEST: Final[pytest.StashKey[tuple[Mismatches, Terms]]] = pytest.StashKey()
_TOTALS: Final = pytest.StashKey[Totals]()
_SEED: Final = pytest.StashKey[int]()


class HandoffWarning(pytest.PytestWarning):
    """What did no harm: a mismatch that was `prevented`, or an exposure, which is none."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    options.add_to(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Instrument the run, before the tests are imported."""
    config.addinivalue_line("markers", options.MARKER)
    if config.getoption("handoff_find"):
        from otel_handoff.testing.finding import Finding

        config.pluginmanager.register(Finding(), "handoff-find")
    if options.is_on(config):
        config.stash[_SESSION] = options.session_of(config, _seed(config))
        _instrument(config.stash[_SESSION])


def _seed(config: pytest.Config) -> int | None:
    """Return the seed: drawn once, and the same in all workers of pytest-xdist."""
    if _SEED not in config.stash:
        given = getattr(config, "workerinput", {}).get("handoff_seed")
        seed = options.seed_of(config) if given is None else given
        if seed is None:
            return None
        config.stash[_SEED] = seed
    return config.stash[_SEED]


def _instrument(session: Session) -> None:
    from otel_handoff.testing.session import AlreadyInstrumentedError

    try:
        session.instrument()
    except AlreadyInstrumentedError as error:
        raise pytest.UsageError(f"--handoff: {error} is instrumented already; leave it to --handoff") from None
    except ValueError as error:
        raise pytest.UsageError(f"--handoff: {error}") from None


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what is on."""
    if _SESSION in config.stash:
        return f"handoff: on{_provoked(config)}"
    return "handoff: for tests with the fixture handoff alone; --handoff checks all" if options.any_of(config) else None


def _provoked(config: pytest.Config) -> str:
    seed = config.stash.get(_SEED, None)
    return "" if seed is None else f", PROVOKED (again: {options.again(config, seed)})"


# -- one test


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Take a test's mismatches from before its fixtures are set up."""
    mistake = None
    if options.is_on(item.config) or _has_fixture(item):
        mistake = _begin(item)
    result = yield
    if mistake is not None:  # only now: other plugins count on having seen the setup
        pytest.fail(mistake, pytrace=False)
    return result


def _has_fixture(item: pytest.Item) -> bool:
    """Whether the test's `handoff` is this plugin's: others may have one of that name, and have not asked for ours."""
    found = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {}).get("handoff", ())
    return any(definition.func.__module__ == __name__ for definition in found[-1:])


def _begin(item: pytest.Item) -> str | None:
    """Open a test's account, or return what is wrong with its marker or the process."""
    from otel_handoff.testing.verdict import Terms

    config = item.config
    try:
        if _SESSION not in config.stash:
            config.stash[_SESSION] = options.session_of(config, _seed(config))
        _instrument(config.stash[_SESSION])
        marker = item.get_closest_marker("handoff")
        terms = Terms.of(*marker.args, **marker.kwargs) if marker else Terms()
    except (ValueError, pytest.UsageError) as error:
        return str(error)
    item.stash[_TEST] = (config.stash[_SESSION].begin(item.nodeid), terms)
    return None


@pytest.fixture
def handoff(request: pytest.FixtureRequest) -> Mismatches:
    """The mismatches of this test; also without --handoff, which then holds for this test alone."""
    if _TEST not in request.node.stash and (mistake := _begin(request.node)) is not None:
        pytest.fail(mistake, pytrace=False)
    return request.node.stash[_TEST][0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Close a test's account when its fixtures are torn down."""
    try:
        return (yield)
    finally:
        if _TEST in item.stash:
            mismatches, _ = item.stash[_TEST]
            session = item.config.stash[_SESSION]
            session.end(mismatches)
            for mismatch in mismatches.all:
                if not mismatch.is_error:
                    _warn(item, mismatch)
            if not options.is_on(item.config):
                session.uninstrument()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail the test for what happened so far, unless it failed by itself."""
    result = yield
    # A TestCase's own failure is kept there, and would hide ours: then both are shown in its report.
    if not getattr(item, "_excinfo", None) and (failures := _failures(item)):
        _fail(item, failures)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Fail the test for what happened until its fixtures were torn down, or for what it expected and did not get."""
    result = yield
    if _TEST in item.stash:
        item.config.stash[_SESSION].settle()
        if failures := _failures(item):
            _fail(item, failures)
        mismatches, terms = item.stash[_TEST]
        if terms.expect and not any(map(terms.expected, mismatches.all)):
            kind = terms.expect if isinstance(terms.expect, str) else "such"
            pytest.fail(f"a {kind} mismatch was expected, and none happened", pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the mismatches of a test that failed by itself beside its failure."""
    report = yield
    failed = report.failed or hasattr(report, "wasxfail")
    if call.when != "setup" and failed and (failures := _failures(item)):
        report.sections.append(("handoff mismatches", _text(item, failures)))
    return report


def _failures(item: pytest.Item) -> list[Mismatch]:
    if _TEST not in item.stash:
        return []
    mismatches, terms = item.stash[_TEST]
    return mismatches.failures(terms)


def _fail(item: pytest.Item, failures: Sequence[Mismatch]) -> None:
    pytest.fail(_text(item, failures), pytrace=False)


def _text(item: pytest.Item, failures: Sequence[Mismatch]) -> str:
    from otel_handoff.testing.verdict import text_of

    seed = item.config.stash.get(_SEED, None)
    again = f"\nProvoked; again: {options.command_again(item, seed)}" if seed is not None else ""
    return text_of(failures) + again


def _warn(item: pytest.Item, mismatch: Mismatch) -> None:
    # Straight to the summary: as a real warning, a filter "error" would turn what did no harm into a crash.
    from otel_handoff.record.story import headline

    path, line, _ = item.location
    text = f"{mismatch.outcome}: {headline(mismatch)} (at {mismatch.location})"
    message = warnings.WarningMessage(HandoffWarning(text), HandoffWarning, path, (line or 0) + 1)
    told = {"warning_message": message, "when": "runtest", "nodeid": item.nodeid, "location": None}
    item.config.hook.pytest_warning_recorded.call_historic(kwargs=told)


# -- the run


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Take the instrumentation off; what came after its test was over fails the run."""
    config = session.config
    totals = config.stash.setdefault(_TOTALS, Totals())
    if _SESSION in config.stash:
        run = config.stash[_SESSION]
        run.settle()
        run.uninstrument()  # first: rows whose worker has not come are told by then
        totals.add(run.totals())
    if hasattr(config, "workerinput"):
        vars(config)["workeroutput"]["handoff"] = totals.as_dict()
    elif session.exitstatus == pytest.ExitCode.OK:
        if totals.late:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        elif options.is_on(config) and totals.tests and not totals.is_known:
            session.exitstatus = options.NOT_KNOWN


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take the instrumentation off a run that never began."""
    if _SESSION in config.stash:
        config.stash[_SESSION].uninstrument()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell what was checked, and what came late."""
    totals = config.stash.get(_TOTALS, Totals())
    for name, report in totals.late:
        terminalreporter.section("handoff: after its test was over", red=True, bold=True)
        terminalreporter.line(f"A row of {name or 'no test at all'} was worked on under wrong ids. Wait for workers.")
        terminalreporter.line(report)
    if totals.tests and (options.is_on(config) or not totals.is_known):
        first, *others = totals.lines(provoked=_SEED in config.stash)
        terminalreporter.line(f"handoff: {first}{_provoked(config)}", red=not totals.is_known)
        for line in others:
            terminalreporter.line(line)


# -- pytest-xdist: its workers share the seed, and hand in what they counted


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a worker the seed."""
    node.workerinput["handoff_seed"] = _seed(node.config)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker handed in."""
    node.config.stash.setdefault(_TOTALS, Totals()).add(getattr(node, "workeroutput", {}).get("handoff", {}))
