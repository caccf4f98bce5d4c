"""What the tests of the command share."""

from __future__ import annotations

from typing import Any

import pytest

from otel_handoff import cli
from tests.check.command import Check, Done


@pytest.fixture
def check(capfd: pytest.CaptureFixture[str]) -> Check:
    """The command, in this process: it is asked often."""

    def check(*arguments: Any) -> Done:
        code = cli.main(["check", *map(str, arguments)])
        told = capfd.readouterr()
        return Done(code, str(told.out), str(told.err))

    return check
