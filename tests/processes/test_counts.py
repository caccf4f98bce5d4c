"""What is counted of rows that leave: they are in flight no more, and both sides say how many."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.processes.test_pools import APP, SOURCE


@pytest.mark.skipif(sys.platform != "linux", reason="a fork has what the parent was set up with")
@pytest.mark.parametrize("way", ["by_pool", "by_queue"])
def test_a_row_that_left_is_not_in_flight(way: str) -> None:
    """It was handed over and sent here, and arrived there; it has not been worked on yet."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(SOURCE), str(APP)))}
    command = [sys.executable, "-W", "ignore", "-c", f"import counting; counting.main(counting.{way})"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110, check=False)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["gone"] == {"submissions": 2, "sent_rows": 2, "arrived_rows": 0, "in_flight": 0}
    assert told["done"] == told["gone"]
    assert [counts["arrived_rows"] for counts in told["there"]] == [1, 2]
