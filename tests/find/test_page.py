"""The page that draws what was found."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from otel_handoff.find.found import EXPOSED, WRONG, Found, Line, Result
from otel_handoff.find.launch import Ran
from otel_handoff.find.page import page
from otel_handoff.find.text import lines
from otel_handoff.find.verify import Tried

EVIL = "<script>alert('1')</script>"

FOUND = Found(
    verdict=WRONG,
    way="ThreadPoolExecutor.submit",
    hands_over=Line("shop.py:3 in run", "shop.py", 3, "MainThread", 3),
    work="shop:bill",
    context="order",
    kind="Order",
    fields={"number": "number"},
    why={"number": "it held something else in 2 of 2 further hand-overs"},
    rows=3,
    wrong=2,
    moved=2,
    pickled=0,
    reads=(Line("shop.py:1 in bill", "shop.py", 1, "worker-0", 2),),
    writes=(Line("shop.py:2 in run", "shop.py", 2, "MainThread", 2),),
    example=("'order-1'", "'order-2'"),
    doubt="",
    unwatched="",
    boundary={"name": "bill", "work": "shop:bill", "context": "order", "fields": {"number": "number"}},
    why_not="",
    note="",
)


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)


def test_what_is_drawn() -> None:
    """Each thread has a lane; the write stands between the hand-over and the read, with what they were."""
    made = page(Result([FOUND], rows=3, processes=1), None)
    drawn = list(re.findall(r"<text[^>]*>([^<]*)</text>", made))
    assert drawn == [
        "MainThread",
        "worker-0",
        "handed over &#x27;order-1&#x27;",
        "written &#x27;order-2&#x27;",
        "read &#x27;order-2&#x27;",
    ]
    places = [float(at) for at in re.findall(r'<circle class="[^"]*" cx="(\d+)%"', made)]
    assert places == sorted(places)
    assert "WRONG in 1 hand-over, of 3 rows in 1 process." in made


def test_what_a_program_is_called() -> None:
    """Nothing of it is run by who looks at the page, and the worst alone are drawn."""
    thread = Line(EVIL, EVIL, 1, EVIL, 1)
    evil = replace(
        FOUND, kind=EVIL, context=EVIL, work=EVIL, example=(EVIL, EVIL), reads=(thread,), writes=(thread,), doubt=EVIL
    )
    many = [replace(evil, verdict=EXPOSED)] * 60
    made = page(Result(many, rows=3, processes=1, unseen={EVIL: 2}), None)
    tags = _Tags(made).seen
    assert "script" not in tags
    assert tags.count("article") == 40
    assert "Of 60, the worst 40 are drawn." in made


def test_what_is_to_be_pasted_is_whole() -> None:
    """However long its lines are."""
    name = "order_" * 40
    assert name in page(
        Result([replace(FOUND, boundary={"name": name, "work": "shop:bill"})], rows=3, processes=1), None
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"note": "its workers read what others of them wrote: if that is meant, pin is not"},
        {"verdict": EXPOSED, "doubt": "it goes round, as a place does"},
        {"verdict": EXPOSED, "unwatched": "what is in a dict cannot be watched"},
        {"boundary": None, "why_not": "A global is the same for every row"},
    ],
    ids=lambda changed: next(reversed(changed)),
)
def test_what_has_to_be_known(changed: dict[str, Any]) -> None:
    """The page says of each finding, of what is proposed, and of a trial of it, whatever the text says."""
    trial = Tried(code=0)
    trial.add("observe", Ran(0, 0, []))
    trial.add("pin", Ran(3, 0, [{"rows": {"bill": 3}, "seen": {"bill": 3}, "told": [["bill", "used", ["1@0"]]]}]))
    one = replace(FOUND, **changed)
    result = Result([one], rows=3, processes=1)
    made = html.unescape(page(result, trial))
    said = [line.strip() for line in lines(result, trial, shared=False)]
    known = ("note ", "tried ", "in doubt ", "not seen ", "no boundary ", "Do not use", "That does not", "Whether that")
    told = [line.partition("  ")[2].strip() or line for line in said if line.startswith(known)]
    assert len(told) == (1 if one.boundary is None else 5)
    assert [line for line in told if line not in made] == []
