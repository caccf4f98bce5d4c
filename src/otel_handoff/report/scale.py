"""Round times along an axis, and how they are written."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, floor, log10

from otel_handoff.report.axis import Axis, Stretch


def ticks(stretch: Stretch, axis: Axis, since: int) -> Iterator[tuple[int, str]]:
    """Yield about one tick for each tenth of the width, at round times after `since`."""
    length = stretch.end_ns - stretch.start_ns
    share = (stretch.right - stretch.left) / 100
    step = round_up(length / max(1.0, share * 9))
    first = ceil((stretch.start_ns - since) / step)
    for index in range(first, floor((stretch.end_ns - since) / step) + 1):
        time = since + index * step
        place = axis.place(time)
        if 4 < place < 96 and all(abs(place - (fold.left + fold.right) / 2) > 8 for fold in axis.folds):
            yield time, f"{'+' if index > 0 else '-'}{duration(abs(index) * step, step)}" if index else "0"


def round_up(nanoseconds: float) -> int:
    """Return 1, 2 or 5 with zeros after it, as large as `nanoseconds` at least."""
    scale = 10 ** floor(log10(max(1.0, nanoseconds)))
    return next(int(scale * factor) for factor in (1, 2, 5, 10) if scale * factor >= nanoseconds)


def duration(nanoseconds: int, step: int) -> str:
    """Return `402 ms`, `1.5 ms`, `12 s`, `3 min` or `2.1 h`: as exact as it takes to tell a `step`."""
    size, unit = next(
        ((size, unit) for size, unit in ((3600e9, "h"), (60e9, "min"), (1e9, "s"), (1e6, "ms")) if nanoseconds >= size),
        (1e3, "µs"),
    )
    decimals = max(0, ceil(-log10(step / size)))
    text = f"{nanoseconds / size:.{decimals}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {unit}"


def about(nanoseconds: int) -> str:
    """Return a duration to two digits or three."""
    return duration(nanoseconds, round_up(max(1.0, nanoseconds / 200)))
