"""A declaration, in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otel_handoff import Boundary, Call


def in_one_line(boundary: Boundary) -> str:
    """Return the boundary as it would be written, with targets by their last name."""
    given: dict[str, Any] = {
        name: getattr(boundary, name, None)
        for name in ("submit", "work", "takes", "context", "fields", "ids", "pins", "contextvars")
    }
    parts = [
        f"{name}={_value(name, value)}"
        for name, value in given.items()
        if (value not in (None, False, {}) or (name == "fields" and not boundary.ids))
        and (name != "context" or boundary.fields)
    ]
    calls = ", ".join(map(_call, boundary.calls))
    return ", ".join([*parts, *([f"calls=[{calls}]"] if calls else [])])


def _value(name: str, value: Any) -> str:
    if name in ("submit", "work", "takes"):
        return repr(value.rpartition(":")[2])
    return _ids(value) if name in ("fields", "ids") else repr(value)


def _ids(ids: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name!r}: {path!r}" for name, path in ids.items()) + "}"


def _call(call: Call) -> str:
    return f"Call({call.target.rpartition(':')[2]!r}, {_ids(call.ids)})"
