"""Parts of an OTLP message, each checked.

What is absent or null has its default, as in all Protobuf JSON. What is not as it should be raises `ShapeError`; an
attribute that is not is left out and noted, as the rest of the span says as much without it.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from typing import Any, Final, cast

Value = str | int | float | bool | list[Any]
Attributes = dict[str, Value]

INT64: Final = 1 << 63
_UINT64: Final = 1 << 64
_LONGEST_VERSION: Final = 100


class ShapeError(Exception):
    """Something is not what OTLP has in its place."""


class Faults:
    """What is not as it should be in one piece of a file: the first of it, and how much there is."""

    def __init__(self) -> None:
        """Begin with none."""
        self.first = ""
        self.count = 0

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.count)

    def __str__(self) -> str:
        """Return the first, and how many more there are."""
        return f"{self.first} (and {self.count - 1} more in this line)" if self.count > 1 else self.first

    def add(self, reason: object) -> None:
        """Note one."""
        self.first = self.first or str(reason)
        self.count += 1


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
    """Return the id that `parent` has under `name` as so many hex digits, in lower case.

    It may also be base64, as Protobuf's own JSON has bytes; its length tells the two apart.
    """
    value = parent.get(name)
    try:
        if isinstance(value, str) and len(value) == digits == 2 * len(bytes.fromhex(value)):
            return value.lower()
    except ValueError:
        pass
    try:
        if isinstance(value, str) and len(value) <= digits:
            text = value.rstrip("=").replace("-", "+").replace("_", "/")
            binary = b64decode(text + "=" * (-len(text) % 4), validate=True)
            if 2 * len(binary) == digits:
                return binary.hex()
    except (binascii.Error, ValueError):  # ValueError: it is not ASCII
        pass
    raise ShapeError(f"{name} is not {digits} hex digits")


def version_of(scope: Any) -> str:
    """Return the version that an instrumentation scope tells; an empty string, if it tells none that can be shown."""
    version = cast("dict[str, Any]", scope).get("version") if isinstance(scope, dict) else None
    return version if isinstance(version, str) and len(version) <= _LONGEST_VERSION else ""


def time_of(parent: dict[str, Any], name: str) -> int:
    """Return the time that `parent` has under `name`, in nanoseconds since the epoch, at most those of 63 bits."""
    value = parent.get(name)
    time = 0 if value is None else _integer(value, name, _UINT64)
    if time < 0:
        raise ShapeError(f"{name} is before 1970")
    return min(time, INT64 - 1)


def _integer(value: Any, name: str, most: int = INT64) -> int:
    if type(value) is str:  # as most are
        try:
            number = int(value)
            if -INT64 <= number < most:
                return number
        except ValueError:
            pass
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        try:
            number = _whole(value)
        except (ValueError, OverflowError):
            pass
        else:
            if not -INT64 <= number < most:
                raise ShapeError(f"{name} is beyond 64 bits")
            return number
    raise ShapeError(f"{name} is not a whole number")


def _whole(value: str | float) -> int:
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            value = float(value)
    number = int(value)
    if number != value:
        raise ValueError
    return number


def attributes_of(parent: dict[str, Any], faults: Faults) -> Attributes:
    """Return the attributes of `parent`: name -> value, without those that are noted in `faults`."""
    found: Attributes = {}
    try:
        pairs: list[dict[str, Any] | None] = items(parent, "attributes")
    except ShapeError as error:
        faults.add(error)
        return found
    for pair in pairs:
        try:
            if isinstance(pair, dict):
                key: Any = pair.get("key")
                content: dict[str, Any] | None = pair.get("value")
                if isinstance(key, str) and isinstance(content, dict):  # as most are
                    text = content.get("stringValue")
                    if isinstance(text, str):
                        found[key] = text
                        continue
                    number = content.get("intValue")
                    if number is not None and text is None:
                        found[key] = _integer(number, "intValue")
                        continue
            _take(pair, found)
        except ShapeError as error:
            faults.add(error)
    return found


def _take(pair: Any, found: Attributes) -> None:
    if not isinstance(pair, dict):
        raise ShapeError("attributes holds something that is not an object")
    pair = cast("dict[str, Any]", pair)
    key = pair.get("key")
    if not isinstance(key, str):
        raise ShapeError("an attribute's key is not a string")
    if (value := value_of(pair.get("value"))) is not None:
        found[key] = value


_KINDS: Final = ("stringValue", "intValue", "doubleValue", "boolValue", "bytesValue", "arrayValue", "kvlistValue")
_SNAKE: Final = {kind: kind.replace("Value", "_value") for kind in _KINDS}


def value_of(value: Any) -> Value | None:
    """Return what an attribute holds, or an item of it; None, if that is nothing.

    Raises:
        ShapeError: it is not what OTLP has in its place.
    """
    if value is None:
        return None
    value = checked(value, "an attribute's value")
    for kind in _KINDS:
        if value.get(kind) is not None:
            return _of_kind(kind, value[kind])
    for kind, name in _SNAKE.items():
        if value.get(name) is not None:
            return _of_kind(kind, value[name])
    return None


def _of_kind(kind: str, content: Any) -> Value:
    if kind in ("stringValue", "bytesValue"):
        if not isinstance(content, str):
            raise ShapeError(f"{kind} is not a string")
        return content
    if kind == "intValue":
        return _integer(content, kind)
    if kind == "doubleValue":
        return _double(content)
    if kind == "boolValue":
        if not isinstance(content, bool):
            raise ShapeError("boolValue is neither true nor false")
        return content
    values = items(checked(content, kind), "values")
    if kind == "kvlistValue":
        return _map(values)
    return [item for item in map(value_of, values) if item is not None]


def _map(pairs: list[Any]) -> str:
    found: Attributes = {}
    for pair in pairs:
        _take(pair, found)
    return as_map(found)


def as_map(values: Attributes) -> str:
    """Return a map within an attribute as the text that it is kept as."""
    return json.dumps(values, ensure_ascii=False)


def _double(value: Any) -> float:
    try:
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            return float(value)
    except (ValueError, OverflowError):
        pass
    raise ShapeError("doubleValue is not a number")
