"""`pytest --handoff-find`: the tests are run as always, and what they hand over is looked at."""

from __future__ import annotations

from typing import Any

import pytest

from otel_handoff.find import session
from otel_handoff.find.found import Result, together
from otel_handoff.find.text import lines
from otel_handoff.find.verify import NOTHING, WRONG_IDS, verdict
from otel_handoff.testing.options import NOT_KNOWN


class Finding:
    """Looks from before the tests are imported to the end of the run; a worker of pytest-xdist hands in what it saw."""

    def __init__(self) -> None:
        self._results: list[Result] = []
        session.start()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Look no more; a run in which something is wrong fails, and one of which it is not known has code 2."""
        own = _stopped()
        config = session.config
        if hasattr(config, "workerinput"):
            vars(config)["workeroutput"]["handoff_find"] = own.as_dict()
            return
        self._results.append(own)
        result = together(self._results)
        said = verdict(result, None)
        if session.exitstatus == pytest.ExitCode.OK and said != NOTHING:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED if said == WRONG_IDS else NOT_KNOWN

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker handed in."""
        data = getattr(node, "workeroutput", {}).get("handoff_find")
        if data is not None:
            self._results.append(Result.from_dict(data))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell what was found."""
        result = together(self._results)
        wrong = verdict(result, None) == WRONG_IDS
        terminalreporter.section("handoff: what is handed over", red=wrong, bold=wrong)
        for line in lines(result, None, shared=False):
            terminalreporter.line(line)


def _stopped() -> Result:
    result = session.result()
    session.stop()
    return result
