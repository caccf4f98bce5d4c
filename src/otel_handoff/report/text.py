"""Values, times and durations as people read them, and as HTML takes them."""

from __future__ import annotations

import html
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Final

LONGEST: Final = 240
"""How many characters of a value are shown."""


def show(value: object, longest: int = LONGEST) -> str:
    """Return `value` on one line: what does not print is escaped as Python does, what is long is cut."""
    text = value if isinstance(value, str) else str(value)
    cut = f"… ({len(text):,} characters)" if len(text) > longest else ""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[:longest]) + cut


def esc(value: object, longest: int = LONGEST) -> str:
    """Return `show(value)` for HTML, as text or within a quoted attribute."""
    return html.escape(show(value, longest))


def block(text: str) -> str:
    """Return the lines of `text` for a `<pre>`."""
    return "\n".join(esc(line, 20 * LONGEST) for line in text.split("\n"))


def short(text: str, longest: int) -> str:
    """Return `text` with its middle left out: the ends of an id tell most."""
    text = show(text)
    if len(text) <= longest:
        return text
    head = (longest - 1) * 2 // 3
    return f"{text[:head]}…{text[len(text) - (longest - 1 - head) :]}"


def ids(values: Mapping[str, object]) -> str:
    """Return `state_id=state-17, token_id=token-17`."""
    return ", ".join(f"{show(name)}={show(value, 120)}" for name, value in values.items())


def moment(time_ns: int) -> datetime:
    """Return a time in UTC; of one that no calendar has, the epoch."""
    try:
        return datetime.fromtimestamp(time_ns // 1000 / 1e6, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, timezone.utc)


def clock(time_ns: int) -> str:
    """Return `18:18:08.657883`, in UTC."""
    return moment(time_ns).strftime("%H:%M:%S.%f")


def day_and_clock(time_ns: int) -> str:
    """Return `2026-11-25 18:18:08`, in UTC."""
    return moment(time_ns).strftime("%Y-%m-%d %H:%M:%S")


def duration(nanoseconds: float) -> str:
    """Return `404 ms`, `2.13 ms`, `12.0 s`, `3 min 20 s` or `2 h 5 min`."""
    seconds = abs(nanoseconds) / 1e9
    if seconds >= 3600:
        return f"{int(seconds // 3600):,} h {int(seconds % 3600 // 60)} min"
    if seconds >= 60:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{_three(seconds / size)} {unit}"
    return f"{_three(seconds / 1e-6)} µs"


def _three(number: float) -> str:
    """Three significant digits, without an exponent."""
    return f"{number:.0f}" if number >= 100 else f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def since(start_ns: int, time_ns: int) -> str:
    """Return `+404 ms`, or `−2.00 ms`."""
    return ("+" if time_ns >= start_ns else "−") + duration(time_ns - start_ns)


def count(number: int, one: str, many: str = "") -> str:
    """Return `1 row`, `1,204 rows`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
