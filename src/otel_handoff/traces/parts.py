"""Parts of an OTLP message, each checked.

What is absent or null has its default, as in all Protobuf JSON; each function raises `ShapeError` for what is not as it
should be.
"""

from __future__ import annotations

import json
from typing import Any, Final, cast

Value = str | int | float | bool | list[Any]
Attributes = dict[str, Value]

_INT64: Final = 1 << 63


class ShapeError(Exception):
    """Something is not what OTLP has in its place."""


def checked(value: Any, what: str) -> dict[str, Any]:
    """Return `value`, which is an object; `what` names it where it is none."""
    if not isinstance(value, dict):
        raise ShapeError(f"{what} is not an object")
    return cast("dict[str, Any]", value)


def items(parent: dict[str, Any], name: str) -> list[Any]:
    """Return the list that `parent` has under `name`."""
    value = parent.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ShapeError(f"{name} is not a list")
    return cast("list[Any]", value)


def objects(parent: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the list of objects that `parent` has under `name`."""
    values = items(parent, name)
    for value in values:
        if not isinstance(value, dict):
            raise ShapeError(f"{name} holds something that is not an object")
    return values


def text_of(parent: dict[str, Any], name: str) -> str:
    """Return the string that `parent` has under `name`."""
    value = parent.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ShapeError(f"{name} is not a string")
    return value


def id_of(parent: dict[str, Any], name: str, digits: int) -> str:
    """Return the id that `parent` has under `name`, of so many hex digits, in lower case."""
    value = parent.get(name)
    try:
        if isinstance(value, str) and len(value) == digits == 2 * len(bytes.fromhex(value)):
            return value.lower()
    except ValueError:
        pass
    raise ShapeError(f"{name} is not {digits} hex digits")


def time_of(parent: dict[str, Any], name: str) -> int:
    """Return the time that `parent` has under `name`, in nanoseconds since the epoch."""
    value = parent.get(name)
    time = 0 if value is None else _integer(value, name)
    if time < 0:
        raise ShapeError(f"{name} is before 1970")
    return time


def _integer(value: Any, name: str) -> int:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        try:
            number = int(value)
        except ValueError:
            pass
        else:
            if -_INT64 <= number < _INT64:
                return number
            raise ShapeError(f"{name} is beyond 64 bits")
    raise ShapeError(f"{name} is not a whole number")


def attributes_of(parent: dict[str, Any]) -> Attributes:
    """Return the attributes of `parent`: name -> value."""
    found: Attributes = {}
    for pair in objects(parent, "attributes"):
        key = pair.get("key")
        if not isinstance(key, str):
            raise ShapeError("an attribute's key is not a string")
        content: dict[str, Any] | None = pair.get("value")
        text = content.get("stringValue") if isinstance(content, dict) else None
        if isinstance(text, str):  # as most are
            found[key] = text
        elif (value := _value(content)) is not None:
            found[key] = value
    return found


def _value(value: Any) -> Value | None:
    if value is None:
        return None
    value = checked(value, "an attribute's value")
    for kind, content in value.items():
        if content is None:
            continue
        if kind in ("stringValue", "bytesValue"):
            if not isinstance(content, str):
                raise ShapeError(f"{kind} is not a string")
            return content
        if kind == "intValue":
            return _integer(content, kind)
        if kind == "boolValue":
            if not isinstance(content, bool):
                raise ShapeError("boolValue is neither true nor false")
            return content
        if kind == "doubleValue":
            return _double(content)
        if kind == "arrayValue":
            values = (_value(item) for item in items(checked(content, kind), "values"))
            return [item for item in values if item is not None]
        if kind == "kvlistValue":
            return json.dumps(attributes_of({"attributes": checked(content, kind).get("values")}), ensure_ascii=False)
        if kind.endswith("_value"):
            raise ShapeError(f"{kind[:40]}: it has Protobuf's names")
    return None


def _double(value: Any) -> float:
    try:
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            return float(value)
    except (ValueError, OverflowError):
        pass
    raise ShapeError("doubleValue is not a number")
