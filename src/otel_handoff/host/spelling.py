"""How an id is written where it is filed: as text, as hex, as an enum's value, in ISO 8601."""

from __future__ import annotations

import base64
import contextlib
import json
import math
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timezone
from decimal import Decimal
from enum import Enum
from numbers import Number
from typing import Any, Final, cast
from uuid import UUID

_HEX: Final = re.compile(
    r"(?:urn:uuid:)?\{?([0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}|[0-9a-f]{16})\}?", re.IGNORECASE
)
_SEQUENCES: Final = cast("tuple[type[Any], ...]", (list, tuple))
_BYTES: Final = cast("tuple[type[Any], ...]", (bytes, bytearray, memoryview))
_LONGEST: Final = 1_000
"""Of a text that is read as something else."""


def spelt_alike(one: Any, other: Any) -> bool:
    """Whether a usual spelling of the one is a usual spelling of the other."""
    if _is_nan(one) and _is_nan(other):
        return True
    if isinstance(one, _SEQUENCES) and isinstance(other, _SEQUENCES):
        return _part_by_part(one, other)
    if isinstance(one, str) and isinstance(other, str):
        return _digits(one) == _digits(other) != ""
    spelt = set(_spellings(one))
    if any(text in spelt for text in _spellings(other)):
        return True
    return _is_read_as(one, other) or _is_read_as(other, one)


def spellings(value: object) -> Iterator[str]:
    """Yield the usual spellings of an id; of the text of a UUID, with dashes and without."""
    yield from _spellings(value)
    if isinstance(value, str) and len(digits := _digits(value)) == 32:
        yield digits
        yield str(UUID(digits))


def alike_in_kind(one: object, other: object) -> bool:
    """Whether two ids of one class that are unequal are the same: they are what they say, but for another spelling."""
    if isinstance(one, _SEQUENCES):
        return False
    return (isinstance(one, str) or _is_nan(one)) and spelt_alike(one, other)


def _part_by_part(one: Sequence[object], other: Sequence[object]) -> bool:
    return len(one) == len(other) and all(
        mine is yours or mine == yours or (type(mine) is not type(yours) and spelt_alike(mine, yours))
        for mine, yours in zip(one, other, strict=True)
    )


def _is_nan(value: Any) -> bool:
    if isinstance(value, Decimal):
        return value.is_nan()
    if isinstance(value, float):
        return math.isnan(value)
    return isinstance(value, Number) and bool(value != value)  # noqa: PLR0124


def _digits(text: str) -> str:
    # Of a UUID, a trace or a span id: the same in capitals, with dashes, as a URN.
    found = _HEX.fullmatch(text) if len(text) <= 64 else None
    return found[1].replace("-", "").lower() if found is not None else ""


def _spellings(value: Any) -> Iterator[str]:
    if isinstance(value, Enum):
        yield value.name
        yield from _spellings(value.value)
    elif isinstance(value, UUID):
        yield value.hex
        yield str(value.int)
        yield from _base64(value.bytes)
    elif isinstance(value, _BYTES):
        raw = bytes(value)
        yield raw.hex()
        yield raw.hex().upper()
        yield from _base64(raw)
        with contextlib.suppress(UnicodeDecodeError):
            yield raw.decode()
    elif _is_nan(value):
        yield "nan"
    elif isinstance(value, int) and value >= 0:
        for text in (f"{value:x}", f"{value:016x}", f"{value:032x}"):  # as a span id, and as a trace id
            if len(text) >= 16:
                yield text
                yield text.upper()
        yield f"{value:#x}"
    if type(value).__str__ is not object.__str__ or type(value).__repr__ is not object.__repr__:
        yield str(value)  # else it is an address, which may be another's tomorrow


def _base64(raw: bytes) -> Iterator[str]:
    for text in (base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()):
        yield text
        yield text.rstrip("=")


def _is_read_as(value: Any, written: Any) -> bool:
    """Whether `written` is `value` where it is read as such: a number, a time, JSON."""
    if isinstance(value, Enum):
        return _is_read_as(value.value, written)
    if isinstance(value, datetime) and isinstance(written, (int, float, Decimal)):
        return _is_at(value, written)
    if not isinstance(written, str) or len(written) > _LONGEST:
        return False
    with contextlib.suppress(ValueError, ArithmeticError, OverflowError, RecursionError):
        if isinstance(value, UUID):
            return _digits(written) == value.hex
        if isinstance(value, bool):
            return written.lower() == str(value).lower()
        if isinstance(value, (int, float, Decimal)):
            return bool(Decimal(written) == (Decimal(repr(value)) if isinstance(value, float) else value))
        if isinstance(value, datetime):
            return _is_moment(value, written)
        if isinstance(value, (date, time)):
            return type(value).fromisoformat(written) == value
        if isinstance(value, (*_SEQUENCES, dict)):
            read: Any = json.loads(written)
            return bool(read == value) or (isinstance(read, _SEQUENCES) and spelt_alike(read, value))
    return False


def _is_moment(value: datetime, written: str) -> bool:
    if written[-1:] in ("Z", "z"):
        written = written[:-1] + "+00:00"
    try:
        read = datetime.fromisoformat(written)
    except ValueError:
        return _is_at(value, Decimal(written))
    if (read.tzinfo is None) is not (value.tzinfo is None):  # one leaves out what the other says
        read, value = read.replace(tzinfo=None), value.replace(tzinfo=None)
    return read == value


def _is_at(value: datetime, written: float | Decimal) -> bool:
    # Seconds since the epoch; without a time zone that is the time here, or UTC's.
    return any(
        abs(moment.timestamp() - float(written)) < 1e-6
        for moment in ((value,) if value.tzinfo is not None else (value, value.replace(tzinfo=timezone.utc)))
    )
