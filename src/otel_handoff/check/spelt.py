"""Whether two ids on spans are the same: as a detector compares them, but for what a span leaves of their class.

A `Decimal`, a time or bytes of the host's are a text there, as `str()` writes them. They are read back, to be compared
with another usual spelling of the same.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from otel_handoff.host.ids import ANY_OF, AnyOf, same

_LONGEST: Final = 200
_NUMBER: Final = re.compile(r"-?\d+\.\d+(E[+-]?\d+)?|-?\dE[+-]?\d+")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d( .+)?")
_LITERAL: Final = re.compile(r"b['\"].*|[\[(].*[\])]", re.DOTALL)


def is_same(submitted: Any, carried: Any) -> bool:
    """Whether a span carries the id that its row was submitted with, in whatever spelling."""
    return same(submitted, carried) or any(same(read, carried) for read in _read(submitted))


def _read(text: Any) -> Iterator[Any]:
    """Yield what `text` may have been before `str()` made it a text."""
    if not isinstance(text, str):
        return
    with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
        if text.startswith(f"{ANY_OF}["):
            yield AnyOf(ast.literal_eval(text.removeprefix(ANY_OF)))
    if len(text) > _LONGEST:
        return
    with suppress(ValueError, ArithmeticError, SyntaxError, RecursionError, MemoryError):
        if _NUMBER.fullmatch(text):
            yield Decimal(text)
        elif _MOMENT.fullmatch(text):
            yield datetime.fromisoformat(text) if " " in text else date.fromisoformat(text)
        elif _LITERAL.fullmatch(text):
            yield ast.literal_eval(text)
