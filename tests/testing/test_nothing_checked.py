"""`pytest --handoff` says how much it checked, and is no green run where that was nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testing.project import Project

pytest_plugins = ["pytester"]

BIN = Path(sys.executable).parent

QUEUE = '''
"""A queue of its own whose loop does the work itself: there is no function that takes the job."""
import queue
import threading

from otel_handoff import Boundary


class Job:
    def __init__(self, order_id):
        self.order_id = order_id


class Queue:
    def __init__(self):
        self.jobs = queue.Queue()
        self.thread = threading.Thread(target=self.loop)
        self.thread.start()

    def enqueue(self, job):
        self.jobs.put(job)

    def loop(self):
        while self.jobs.get() is not None:
            pass

    def end(self):
        self.jobs.put(None)
        self.thread.join()


QUEUE = Boundary(
    name="returns", submit="jobs:Queue.enqueue", work="jobs:Queue.loop", context="job", fields={"order_id": "order_id"}
)
BOUNDARIES = [QUEUE]
'''

RETURNS = """
from jobs import Job, Queue

def test_returns():
    queue = Queue()
    for number in range(3):
        queue.enqueue(Job(f"order-{number}"))
    queue.end()
"""

IN_ORDER = """
from shop import Context, Ledger, Shop
from billing import Billing

def sell(count):
    shop = Shop(Billing(Ledger()))
    shop.sell([{"id": f"order-{n}", "items": []} for n in range(count)])
"""


@pytest.fixture
def shop(project: Project) -> Project:
    """The project of the page, with a second way to hand over."""
    project.write("jobs", QUEUE)
    project.write("orders", IN_ORDER)
    return project


def test_rows_of_which_none_was_judged(shop: Project) -> None:
    """They are counted with the reason, and what to do: handed over is not checked."""
    shop.write("test_shop", RETURNS)
    run = shop.run("--handoff", "--handoff-boundaries=jobs:BOUNDARIES")
    assert run.outcomes["test_returns"] == "PASSED"
    assert run.code == 2
    assert "handoff: 3 rows handed over, and none judged: NOTHING WAS CHECKED\n" in run.printed
    assert "not checked: 3 x no_worker, boundary returns: no worker was recognised" in run.printed
    assert "Do: declare as work the function that is really run" in run.printed


def test_a_boundary_of_which_no_row_was_judged(shop: Project) -> None:
    """Beside another whose rows were: the one says nothing of the other."""
    shop.write("both", "from shop import BOUNDARIES\nfrom jobs import QUEUE\nALL = [*BOUNDARIES, QUEUE]\n")
    shop.write("test_shop", RETURNS + "\nfrom orders import sell\n\ndef test_orders():\n    sell(1)\n")
    run = shop.run("--handoff", "--handoff-boundaries=both:ALL", "test_shop.py")
    assert run.code == 2
    assert "handoff: no mismatch in 1 row judged\n" in run.printed
    assert "no row of boundary returns was judged: NOTHING WAS CHECKED there" in run.printed


@pytest.mark.parametrize(
    ("submit", "work", "told"),
    [
        ("shop:Shop.enque", "shop:Shop.work", "shop:Shop.enque is not there\n    Do: Correct it in Boundary(submit="),
        ("shop:Shop.enqueue", "shop:Shop.wrok", "shop:Shop.wrok is not there\n    Do: Correct it in Boundary(work="),
        ("shoop:Shop.enqueue", "shop:Shop.work", "there is no module 'shoop'"),
    ],
)
def test_what_is_misspelt(shop: Project, submit: str, work: str, told: str) -> None:
    """A boundary that was never there is no reason to pass, and the name that was meant is told."""
    shop.write(
        "misspelt",
        f"""
        from otel_handoff import Boundary
        BOUNDARIES = [Boundary(name="orders", submit="{submit}", work="{work}", fields={{"order_id": "order_id"}})]
        """,
    )
    shop.write("test_shop", "from orders import sell\n\ndef test_orders():\n    sell(2)\n")
    run = shop.run("--handoff", "--handoff-boundaries=misspelt:BOUNDARIES", "test_shop.py")
    assert (run.code, run.outcomes) == (2, {"test_orders": "PASSED"})
    assert "NOTHING WAS CHECKED" in run.printed
    assert told in run.printed
    if "shoop" not in submit:
        assert "Did you mean '" in run.printed


def test_a_pool_that_is_misspelt_and_a_module_in_a_package(shop: Project) -> None:
    """Are named, too, with the nearest; and one boundary is no list of them."""
    shop.write(
        "odd",
        """
        from dataclasses import replace
        from shop import BOUNDARIES
        ONE = BOUNDARIES[0]
        POOL = [replace(ONE, pools=["shop:Shop.enque"])]
        MODULE = [replace(ONE, work="json.decodre:Shop.work")]
        """,
    )
    shop.write("test_shop", "from orders import sell\n\ndef test_orders():\n    sell(2)\n")
    run = shop.run("--handoff", "--handoff-boundaries=odd:POOL", "test_shop.py")
    assert run.code == 2
    assert (
        "shop:Shop.enque is not there\n    Do: Correct it in Boundary(pools=...). Did you mean 'enqueue'?"
        in run.printed
    )
    run = shop.run("--handoff", "--handoff-boundaries=odd:MODULE", "test_shop.py")
    assert (
        "there is no module 'json.decodre'\n    Do: Correct it in Boundary(work=...). Did you mean 'json."
        in run.printed
    )
    run = shop.run("--handoff", "--handoff-boundaries=odd:ONE", "test_shop.py")
    assert "this is one Boundary, not a list of Boundary" in run.printed


def test_what_is_misspelt_beside_what_is_not(shop: Project) -> None:
    """Rows of the one say nothing of the other, of which there was none."""
    shop.write(
        "both",
        """
        from dataclasses import replace
        from shop import BOUNDARIES
        ALL = [*BOUNDARIES, replace(BOUNDARIES[0], name="returns", submit="shop:Shop.enque", work="shop:Shop.wrok")]
        """,
    )
    shop.write("test_shop", "from orders import sell\n\ndef test_orders():\n    sell(1)\n")
    run = shop.run("--handoff", "--handoff-boundaries=both:ALL", "test_shop.py")
    assert run.code == 2
    assert "handoff: no mismatch in 1 row judged" in run.printed
    assert "boundary returns: shop:Shop.enque is not there\n" in run.printed


@pytest.mark.parametrize(
    ("call", "said", "code"),
    [
        (
            'Call("shop:Ledger.pots", {"order_id": "order_id"})',
            "shop:Ledger.pots were not compared in any row: there is no",
            2,
        ),
        ('Call("shop:Ledger.post", {"order_id": "order"})', "ids in calls of boundary orders were not compared", 2),
        (
            'Call("textwrap:shorten", {"order_id": "text"})',
            "calls of textwrap:shorten were not compared in any row",
            0,
        ),
    ],
)
def test_a_call_that_was_not_compared_is_of_all_rows(shop: Project, call: str, said: str, code: int) -> None:
    """Not one is taken off for it; what may have been filed there and not compared is no pass."""
    shop.write(
        "odd",
        f"""
        from dataclasses import replace
        from otel_handoff import Call
        from shop import BOUNDARIES
        ALL = [replace(BOUNDARIES[0], calls=[*BOUNDARIES[0].calls, {call}])]
        """,
    )
    shop.write("test_shop", "from orders import sell\n\ndef test_orders():\n    sell(2)\n")
    run = shop.run("--handoff", "--handoff-boundaries=odd:ALL", "test_shop.py")
    assert (run.code, run.outcomes) == (code, {"test_orders": "PASSED"})
    assert "handoff: no mismatch in 2 rows judged; " in run.printed
    assert said in run.printed


def test_some_rows_that_were_not_checked(shop: Project) -> None:
    """The run is in order as far as it was checked, and says how far that is."""
    shop.write(
        "test_shop",
        """
        from orders import sell
        from shop import Context, Ledger, Shop
        from billing import Billing

        def test_orders():
            sell(2)
            shop = Shop(Billing(Ledger()))
            shop.work = lambda order, ctx: None
            ctx = Context()
            shop.enqueue({"id": "order-9", "items": []}, ctx).result(20)
            shop.pool.shutdown()
        """,
    )
    run = shop.checked("test_shop.py")
    assert run.code == 0
    assert "handoff: no mismatch in 2 rows judged\n" in run.printed
    assert "not checked: 1 x no_worker, boundary orders:" in run.printed


def test_rows_that_were_judged_in_part(shop: Project) -> None:
    """How many, of which boundary."""
    shop.write(
        "test_shop",
        """
        from types import SimpleNamespace
        from shop import Ledger, Shop
        from billing import Billing

        def test_orders():
            shop = Shop(Billing(Ledger()))
            shop.enqueue({"id": "order-9", "items": []}, SimpleNamespace(order_id="order-9", attempt=None)).result(20)
            shop.pool.shutdown()
        """,
    )
    run = shop.checked("test_shop.py")
    assert run.code == 0
    assert "handoff: no mismatch in 1 row judged\n" in run.printed
    assert "checked in part: 1 row of boundary orders, at start, calls and end" in run.printed


def test_a_context_that_moved_on_is_no_mismatch(shop: Project) -> None:
    """It fails nothing, is not counted as one, and is neither expected nor met by a test that expects one."""
    shop.write("billing", "class Billing:\n    def __init__(self, ledger):\n        pass\n")
    shop.write(
        "test_shop",
        """
        import threading
        import pytest
        from shop import Context, Shop

        class Idle:
            def __init__(self):
                self.go = threading.Event()

            def process(self, order, ctx):
                assert self.go.wait(20)

        def moves_on():
            plugin, ctx = Idle(), Context()
            shop = Shop(plugin)
            ctx.order_id = "order-0"
            future = shop.enqueue({}, ctx)
            ctx.order_id = "order-1"
            plugin.go.set()
            future.result(20)
            shop.pool.shutdown()

        def test_moves_on(handoff):
            moves_on()
            assert not handoff and handoff.mismatches == [] and len(handoff.exposures) == 1
            assert handoff.expect(count=0) == []
            assert len(handoff.expect(count=1, outcome="exposed")) == 1

        @pytest.mark.handoff(expect=True)
        def test_expects_any_mismatch():
            moves_on()

        @pytest.mark.handoff(expect="exposed")
        def test_expects_that():
            moves_on()
        """,
    )
    run = shop.checked("test_shop.py")
    assert run.outcomes == {
        "test_moves_on": "PASSED",
        "test_expects_any_mismatch": "ERROR",
        "test_expects_that": "PASSED",
    }
    assert "handoff: no mismatch in 3 rows judged, 3 exposures (the context moved on while a worker ran)" in run.printed
    assert "HandoffWarning: exposed: the context moved on while the worker ran" in run.printed


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--collect-only",), pytest.ExitCode.OK),
        (("--fixtures",), pytest.ExitCode.OK),
        (("-k", "no_such_test"), pytest.ExitCode.NO_TESTS_COLLECTED),
        (("-k", "fails"), pytest.ExitCode.TESTS_FAILED),
        (("-k", "skipped"), pytest.ExitCode.INTERRUPTED),
    ],
)
def test_a_run_without_rows(shop: Project, options: tuple[str, ...], code: int) -> None:
    """Where no test was to be run, nothing is amiss; a failure is told by its own code."""
    shop.write(
        "test_shop",
        """
        import pytest

        def test_fails():
            assert "mine" == "yours"

        @pytest.mark.skip(reason="no time")
        def test_skipped():
            pass
        """,
    )
    assert shop.checked("test_shop.py", *options).code == code


def test_a_fixture_that_checked_nothing(shop: Project) -> None:
    """Without --handoff it is said, and the code is pytest's: a single test was to be checked."""
    shop.write("test_shop", "def test_nothing(handoff):\n    pass\n")
    run = shop.run("test_shop.py", "--handoff-boundaries=shop:BOUNDARIES")
    assert run.code == 0
    assert "handoff: no row was handed over: NOTHING WAS CHECKED" in run.printed


def _again(printed: str) -> str:
    (command,) = re.findall(r"^(?:E +)?Provoked; again: (.*)$", printed, re.MULTILINE)
    return command


def _in_shell(command: str, directory: Path) -> subprocess.CompletedProcess[str]:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    environment = {**{name: text for name, text in os.environ.items() if "HANDOFF" not in name}, "PATH": path}
    return subprocess.run(
        command, shell=True, cwd=directory, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("where", ["option", "ini", "environment", "override", "mode", "below"])
def test_the_command_to_run_a_test_again(shop: Project, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copied as it is printed, it fails in the same way, wherever boundaries and mode were said."""
    shop.write("test_shop", 'import pytest\nfrom late import race\n\n@pytest.mark.parametrize("a", ["it\'s"])\n')
    tests = shop.pytester.path / "test_shop.py"
    tests.write_text(tests.read_text("utf-8") + "def test_wrong(a):\n    race()\n", "utf-8")
    options = ["--handoff", "--handoff-provoke-seed", "6", "test_shop.py"]
    directory = shop.pytester.path
    if where == "ini":
        shop.ini("handoff_boundaries = shop:BOUNDARIES\n")
    elif where == "environment":
        monkeypatch.setenv("OTEL_HANDOFF_BOUNDARIES", "shop:BOUNDARIES")
    elif where == "override":
        options += ["-o", "handoff_boundaries=shop:BOUNDARIES"]
    elif where == "below":
        directory = shop.pytester.mkdir("below")
        shop.ini("")
        options[-1:] = ["--handoff-boundaries=shop:BOUNDARIES", "../test_shop.py"]
    else:
        options.append("--handoff-boundaries=shop:BOUNDARIES")
    if where == "mode":
        options.append("--handoff-mode=strict")
    monkeypatch.chdir(directory)
    command = _again(shop.run(*options).printed)
    again = _in_shell(command, directory)
    assert again.returncode == pytest.ExitCode.TESTS_FAILED, (command, again.stdout)
    assert _again(again.stdout) == command
    assert ("HANDOFF MISMATCH (blocked)" in again.stdout) is (where == "mode")


@pytest.mark.parametrize("checked", [True, False])
def test_the_workers_of_xdist_add_up(shop: Project, checked: bool) -> None:
    """What each of them counted is in the one total, and that decides the code."""
    pytest.importorskip("xdist")
    sold = "sell(2)" if checked else "pass"
    shop.write("test_shop", f"from orders import sell\n\ndef test_a():\n    {sold}\n\ndef test_b():\n    {sold}\n")
    result = shop.pytester.run(
        sys.executable, "-m", "pytest", "-n2", "--handoff", "--handoff-boundaries=shop:BOUNDARIES", "test_shop.py"
    )
    printed = "\n".join(result.outlines)
    assert result.ret == (0 if checked else 2)
    assert ("handoff: no mismatch in 4 rows judged\n" in printed) is checked
    assert printed.count("NOTHING WAS CHECKED") == (not checked)
