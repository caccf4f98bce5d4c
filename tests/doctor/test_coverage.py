"""What the doctor says of rows that nobody judged, and of boundaries that cannot be: never that all is well."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.doctor.doctors import Doctor, Done, doctor, instrument
from tests.zero_code.programs import BIN, CONSOLE

HOST = '''
"""A host of somebody's, and its boundary."""
from concurrent.futures import ThreadPoolExecutor, wait


class Context:
    order_id = None


class Ledger:
    def post(self, order_id):
        pass


class Shop:
    def __init__(self):
        self.pool = ThreadPoolExecutor(2)
        self.ledger = Ledger()

    def enqueue(self, order, ctx):
        return self.pool.submit(self.work, order, ctx)

    def work(self, order, ctx):
        self.ledger.post(ctx.order_id)

    def sell(self, count):
        for number in range(count):
            ctx = Context()
            ctx.order_id = f"order-{number}"
            wait([self.enqueue(number, ctx)])
        self.pool.shutdown()
'''

DECLARED = """
from otel_handoff import Boundary, Call

def orders(**other):
    given = dict(name="orders", submit="shop:Shop.enqueue", work="shop:Shop.work", fields={"order_id": "order_id"})
    return [Boundary(**{**given, "calls": [Call("shop:Ledger.post", {"order_id": "order_id"})], **other})]

BOUNDARIES = orders()
MISSPELT = orders(submit="shop:Shop.enque")
STDLIB = orders(submit="concurrent.futures.thread:ThreadPoolExecutor.submit")
SWAPPED = orders(submit="shop:Shop.work", work="shop:Shop.enqueue")
CLASS = orders(work="shop.Shop:bill")
OTHER_CALL = orders(calls=[Call("shop:Ledger.post", {"order_id": "order"})])
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A directory with a host and its declaration; there is no ELSPETH."""
    (tmp_path / "shop.py").write_text(HOST, "utf-8")
    (tmp_path / "declared.py").write_text(DECLARED, "utf-8")
    return tmp_path


def before(shop: Path, name: str = "BOUNDARIES") -> Done:
    return Doctor(cwd=shop)("--json", OTEL_HANDOFF_BOUNDARIES=f"declared:{name}", **CONSOLE)


def live(shop: Path, code: str, name: str = "BOUNDARIES") -> list[dict[str, Any]]:
    """Run code of a pipeline's that is instrumented, and return the findings on what is wrapped."""
    program = f"""
import json, sys
import declared
from otel_handoff import HandoffInstrumentor
HandoffInstrumentor().instrument(mode="observe", boundaries=declared.{name})
import shop
{dedent(code)}
from otel_handoff.doctor import examine
print(json.dumps(examine().as_dict()))
"""
    done = Doctor((sys.executable, "-c", program), cwd=shop)(PYTHONPATH=str(shop))
    assert done.code == 0, done.err
    report = json.loads(done.out.splitlines()[-1])
    return [*report["sections"][1]["findings"], {"subject": "verdict", "state": report["verdict"]}]


def of(findings: list[dict[str, Any]], subject: str) -> dict[str, Any]:
    (found,) = [finding for finding in findings if finding["subject"] == subject]
    return found


def test_a_boundary_that_can_be(shop: Path) -> None:
    """And nothing of a host that is not there: no layout, no setting, no line."""
    done = before(shop)
    assert json.loads(done.out)["verdict"] == "All well."
    assert "elspeth" not in done.out
    assert "layout" not in done.of("orders")["text"]
    assert done.of("orders.submit")["text"] == "Shop.enqueue wrapped"


@pytest.mark.parametrize(
    ("name", "subject", "text", "do"),
    [
        ("MISSPELT", "submit", "Shop.enque is not in shop", "Correct it in the Boundary. Did you mean 'enqueue'?"),
        ("STDLIB", "submit", "ThreadPoolExecutor.submit is wrapped, but is a pool's own", "Leave submit out"),
        ("SWAPPED", "work", "Shop.enqueue is wrapped, but hands work on", "submit is the function that hands over"),
        ("CLASS", "work", "bill: shop.Shop cannot be imported", "Did you mean 'shop:Shop.bill'?"),
        ("OTHER_CALL", "call", "Ledger.post is wrapped, but takes no order:", "Did you mean 'order_id'?"),
    ],
)
def test_a_boundary_that_cannot_be(shop: Path, name: str, subject: str, text: str, do: str) -> None:
    """It is said before the first row, once, with what to do."""
    done = before(shop, name)
    finding = done.of(f"orders.{subject}", "wrong")
    assert finding["text"].startswith(text)
    assert do in finding["do"]
    assert done.code == 1
    assert [found["subject"] for found in done.findings].count(f"orders.{subject}") == 1


def test_a_module_that_is_a_script_too(shop: Path) -> None:
    """Whether it is run as the main program cannot be told from here, so that all well is not said."""
    path = shop / "shop.py"
    path.write_text(f'{HOST}\nif __name__ == "__main__":\n    Shop().sell(1)\n', "utf-8")
    done = before(shop)
    assert "whether shop is run as the main program" in done.of("orders.module", "unknown")["text"]
    assert "python -c 'import shop; shop.main()'" in done.of("orders.module")["do"]
    assert json.loads(done.out)["verdict"] == "Nothing wrong is seen. 1 cannot be told."
    assert [finding for finding in live(shop, "") if finding["subject"] == "orders.module"] == [], "it is not, here"


def test_rows_that_were_judged(shop: Path) -> None:
    """How many, in the process that works on them."""
    findings = live(shop, "shop.Shop().sell(3)")
    rows = of(findings, "orders.rows")
    assert (rows["state"], rows["text"]) == ("ok", "3 rows handed over, 3 judged")
    assert rows["facts"] == {"handed_over": 3, "judged": 3, "unchecked": {}}


@pytest.mark.parametrize(
    ("call", "part", "state", "said"),
    [
        ('"shop:Ledger.pots", {"order_id": "order_id"}', "call", "wrong", "there is no such function"),
        (
            '"shop:Ledger.post", {"order_id": "order"}',
            "unchecked.field_unresolved",
            "wrong",
            "not where they are declared",
        ),
        ('"textwrap:shorten", {"order_id": "text"}', "unchecked.call_not_seen", "note", "none was seen"),
    ],
)
def test_a_call_that_was_not_compared_is_of_all_rows(shop: Path, call: str, part: str, state: str, said: str) -> None:
    """Not one row is taken off; it needs attention where something may have been filed there."""
    with (shop / "declared.py").open("a") as declared:
        declared.write(f"ODD = orders(calls=[Call({call})])\n")
    findings = live(shop, "shop.Shop().sell(2)", "ODD")
    assert of(findings, "orders.rows")["text"].startswith("2 rows handed over, 2 judged; ")
    assert said in of(findings, "orders.rows")["text"]
    assert of(findings, f"orders.{part}")["state"] == state


def test_the_main_program_is_another_here(shop: Path) -> None:
    """The doctor's own is not that of the pipeline, so that nothing is wrong about it."""
    with (shop / "declared.py").open("a") as declared:
        declared.write('MAIN = orders(submit="__main__:Shop.enqueue", work="__main__:Shop.work", calls=[])\n')
    done = before(shop, "MAIN")
    assert done.of("orders.submit", "unknown")["text"].startswith(
        "cannot tell: whether __main__:Shop.enqueue is wrapped"
    )
    assert done.wrong() == {}


def test_rows_of_which_none_was_judged(shop: Path) -> None:
    """It needs attention, with the reason and what to do."""
    findings = live(shop, "shop.Shop.work = lambda self, order, ctx: None\nshop.Shop().sell(3)")
    rows = of(findings, "orders.rows")
    assert (rows["state"], rows["text"]) == (
        "wrong",
        "3 rows handed over, none judged: whether they are right is not known",
    )
    why = of(findings, "orders.unchecked.no_worker")
    assert why["state"] == "wrong"
    assert why["text"].startswith("3 rows were not checked: no worker was recognised")
    assert why["do"].startswith("Declare as work the function that is really run")
    assert of(findings, "orders.work")["text"].startswith("Shop.work was replaced after it was wrapped")


def test_some_rows_that_were_not_judged(shop: Path) -> None:
    """The others were, and that is said, too; all well is not."""
    findings = live(
        shop,
        """
        shop.Shop().sell(2)
        odd = shop.Shop()
        odd.work = lambda order, ctx: None
        odd.sell(1)
        """,
    )
    assert of(findings, "orders.rows")["text"] == "3 rows handed over, 2 judged"
    assert of(findings, "orders.unchecked.no_worker")["text"].startswith("1 row was not checked")
    assert "attention" in of(findings, "verdict")["state"]


def test_rows_that_were_judged_in_part(shop: Path) -> None:
    """Reads of such a context are not seen."""
    findings = live(
        shop,
        """
        from types import SimpleNamespace
        shop.Context = SimpleNamespace
        shop.Shop().sell(2)
        """,
    )
    assert of(findings, "orders.rows")["text"] == "2 rows handed over, 2 judged"
    told = of(findings, "orders.unwatched")
    assert (told["state"], told["facts"]) == ("note", {"rows": 2})
    assert told["text"].startswith("2 of them judged only at their start")


def test_a_field_of_the_class_was_replaced(shop: Path) -> None:
    """That is not said of a function."""
    findings = live(shop, "shop.Shop().sell(1)\nshop.Context.order_id = None\nshop.Shop().sell(1)")
    assert of(findings, "orders.unchecked.replaced")["text"].startswith("1 row was not checked")


def test_rows_that_wait(shop: Path) -> None:
    """They are neither."""
    findings = live(
        shop,
        """
        import threading
        go = threading.Event()
        waits = shop.Shop()
        for _ in range(2):
            waits.pool.submit(go.wait)
        ctx = shop.Context()
        future = waits.enqueue(1, ctx)
        import atexit
        threading._register_atexit(go.set)
        """,
    )
    rows = of(findings, "orders.rows")
    assert rows["state"] == "unknown"
    assert rows["text"] == "cannot tell: 1 row handed over, and no worker has come for one yet"


def test_no_row_so_far(shop: Path) -> None:
    """A process of the pipeline's that has handed over nothing says so; in the doctor's own, nobody would."""
    assert of(live(shop, ""), "orders.rows")["text"] == "no row was handed over in this process so far"
    launched = Doctor((str(BIN / "otel-handoff"), "doctor"), shop, (instrument(),))
    for done in (before(shop), launched("--json", OTEL_HANDOFF_BOUNDARIES="declared:BOUNDARIES", **CONSOLE)):
        assert [finding for finding in done.findings if finding["subject"] == "orders.rows"] == []


def test_a_program_that_is_its_own_module(shop: Path) -> None:
    """Asked from within, the doctor knows that it is run as the main program."""
    (shop / "shop.py").write_text(
        f"""{HOST}
if __name__ == "__main__":
    import json
    import declared
    from otel_handoff import HandoffInstrumentor
    from otel_handoff.doctor import examine
    HandoffInstrumentor().instrument(boundaries=declared.BOUNDARIES)
    Shop().sell(1)
    print(json.dumps(examine().as_dict()))
""",
        "utf-8",
    )
    done = Doctor((sys.executable, "shop.py"), cwd=shop)()
    findings = json.loads(done.out)["sections"][1]["findings"]
    assert of(findings, "orders.module")["state"] == "wrong"
    assert "shop is run as the main program (python shop.py)" in of(findings, "orders.module")["text"]
    assert done.err.count("shop is run as the main program (python shop.py)") == 1


def test_one_provider_of_both_instrumentors() -> None:
    """Each thing is said once, and counted once: way, processor, setting, test alert."""
    done = doctor(
        "--json",
        "--send-test-alert",
        OTEL_HANDOFF_BOUNDARIES="shop_boundaries:BOUNDARIES",
        OTEL_HANDOFF_MODE="obsreve",
        **CONSOLE,
    )
    sections = {section["title"]: section["findings"] for section in json.loads(done.out)["sections"]}
    for title in ("OpenTelemetry", "Settings", "Would an alert get out?", "Test alert"):
        subjects = [finding["subject"] for finding in sections[title]]
        assert sorted(set(subjects)) == sorted(subjects), title
        assert "providers" not in subjects
    assert done.wrong().keys() == {"elspeth.read", "mode"}
    assert done.err.count('"name": "otel-handoff doctor test alert"') == 1


def test_settings_that_differ() -> None:
    """Are said of each instrumentor, and those that do not once."""
    done = doctor("--json", "--import", "by_hand:modes_of_their_own")
    modes = {finding["subject"]: finding["facts"]["value"] for finding in done.findings if "mode" in finding["subject"]}
    assert modes == {"elspeth.mode": "observe", "handoff.mode": "pin"}
    assert done.of("watch")["facts"] == {"value": True, "source": "default"}
