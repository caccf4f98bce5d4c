"""The page of verdicts has each reason for which a row may be unchecked."""

from __future__ import annotations

from tests.docs import reasons
from tests.docs.tables import made


def test_the_table_is_up_to_date() -> None:
    """As `python -m tests.docs.reasons --write` makes it."""
    page = reasons.PAGE.read_text("utf-8")
    assert made(page, reasons.PAGES[reasons.PAGE]) == page
