"""Values, ids and times as people are shown them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone

from otel_handoff.host.outside import pass_on


def show_ids(ids: Mapping[str, object]) -> str:
    """Return `name='value', ...`."""
    return ", ".join(f"{name}={show(value)}" for name, value in ids.items())


def show(value: object) -> str:
    """Return `value` for people, its control characters escaped."""
    # A host's own __repr__ may raise.
    try:
        return repr(value)
    except Exception as error:
        pass_on(error)
        return f"<{type(value).__name__}: __repr__ raised {type(error).__name__}>"


def show_clock(time_unix_nano: int) -> str:
    """Return a time, in nanoseconds since the epoch, in ISO 8601, UTC."""
    # Whole microseconds: a float of nanoseconds since 1970 is not exact.
    seconds, rest = divmod(time_unix_nano, 1_000_000_000)
    time = datetime.fromtimestamp(seconds, timezone.utc).replace(microsecond=rest // 1000)
    return time.isoformat(timespec="microseconds")


def show_after(since: int, time_unix_nano: int) -> str:
    """Return `"1.234 ms after submission"`, or the time itself where that of the submission is not known."""
    if not since:
        return f"at {show_clock(time_unix_nano)}"
    milliseconds = (time_unix_nano - since) / 1e6
    return f"{abs(milliseconds):.3f} ms {'after' if milliseconds >= 0 else 'before'} submission"
