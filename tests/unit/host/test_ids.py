"""Two ids are the same where a usual spelling of the one is a usual spelling of the other, and only there."""

from __future__ import annotations

import base64
import enum
import uuid
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from otel_handoff.host.ids import key_of, same

UUID = uuid.UUID("12345678-1234-5678-1234-567812345678")
OTHER = uuid.UUID(int=UUID.int + 1)


class Color(enum.Enum):
    """An enumeration."""

    RED = "r"
    NUMBER = 7


class Level(enum.IntEnum):
    """One that is a number, too."""

    HIGH = 3


class Opaque:
    """Says only where it is."""


class Text(str):
    """A text of the host's own."""

    __slots__ = ()


class Raises:
    """Compares to nothing."""

    def __eq__(self, _other: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]


class RaisesAsText:
    """Cannot be written."""

    def __str__(self) -> str:
        raise RuntimeError


class Parts:
    """Compares part by part, as an array does."""

    def __init__(self, *parts: int) -> None:
        self.shape: tuple[int, ...] = (len(parts),)
        self.parts: tuple[int, ...] = parts

    def __eq__(self, other: object) -> Any:
        theirs = other.parts if isinstance(other, Parts) else [other] * len(self.parts)
        return Parts(*(int(mine == yours) for mine, yours in zip(self.parts, theirs, strict=False)))

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise ValueError("the truth of several is ambiguous")

    def all(self) -> bool:
        """Whether each part is true."""
        return all(self.parts)


class Unanswered(Raises):
    """Compares to nothing, and says what it is."""

    def __init__(self, text: str) -> None:
        self.text: str = text

    def __str__(self) -> str:
        return self.text

    __hash__ = None  # type: ignore[assignment]


class Scalar:
    """Answers in a class of its own, as a scalar of an array does."""

    def __init__(self, value: object) -> None:
        self.value: object = value

    def __eq__(self, other: object) -> Any:
        return Scalar(self.value == other)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __str__(self) -> str:
        return str(self.value)

    __hash__ = None  # type: ignore[assignment]


NAN = float("nan")
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678000)  # noqa: DTZ001 - many an id is without a zone

SAME: list[tuple[Any, Any]] = [
    ("A", "A"),
    ("A", Text("A")),
    (None, None),
    (UUID, str(UUID)),
    (UUID, UUID.hex),
    (UUID, uuid.UUID(str(UUID))),
    (17, "17"),
    (17, "0x11"),
    (17, f"{17:016x}"),
    (17, f"{17:032x}"),
    (17, 17.0),
    (-17, "-17"),
    (True, 1),
    (True, "True"),
    (1.5, "1.5"),
    (b"\x01\xff", "01ff"),
    (b"A-1", "A-1"),
    (bytearray(b"A"), b"A"),
    (Color.RED, "r"),
    (Color.RED, "RED"),
    (Color.RED, "Color.RED"),
    (Color.NUMBER, 7),
    (Color.NUMBER, "7"),
    (Level.HIGH, 3),
    (Level.HIGH, "HIGH"),
    (NAN, NAN),
    (NAN, float("nan")),
    (NAN, "nan"),
    (("a", 1), ("a", 1)),
    (UUID, UUID.urn),
    (UUID, f"{{{UUID}}}"),
    (UUID, str(UUID.int)),
    (UUID, base64.urlsafe_b64encode(UUID.bytes).decode().rstrip("=")),
    ("ABCDEF01-2345-6789-ABCD-EF0123456789", "abcdef0123456789abcdef0123456789"),
    ("00F067AA0BA902B7", "00f067aa0ba902b7"),
    (0xABC, f"{0xABC:032X}"),
    (17, "017"),
    (17, "17.0"),
    (17.0, "17"),
    (1e22, "10000000000000000000000"),
    (Decimal("17.00"), "17"),
    (Decimal("17.50"), 17.5),
    (Decimal("0.1"), 0.1),
    (Decimal("NaN"), Decimal("NaN")),
    (b"abc", "YWJj"),
    (b"\xff", "_w"),
    (memoryview(b"A"), "A"),
    (("a", 1), ["a", 1]),
    (("a", UUID), ["a", str(UUID)]),
    (("a", 1), '["a", 1]'),
    ({"a": 1}, '{"a": 1}'),
    (MOMENT, MOMENT.isoformat()),
    (MOMENT, str(MOMENT)),
    (MOMENT, MOMENT.isoformat(timespec="milliseconds")),
    (MOMENT, MOMENT.isoformat() + "Z"),
    (MOMENT, MOMENT.timestamp()),
    (MOMENT, str(MOMENT.timestamp())),
    (MOMENT.replace(tzinfo=timezone.utc), "2026-01-02T04:04:05.678000+01:00"),
    (MOMENT.date(), "2026-01-02"),
    (MOMENT.time(), "03:04:05.678000"),
    (Scalar(5), 5),
    (Scalar(5), "5"),
    (Parts(1, 2), Parts(1, 2)),
    (Unanswered("5"), Unanswered("5")),
]

DIFFERENT: list[tuple[Any, Any]] = [
    ("A", "B"),
    ("A", "a"),
    ("A", ""),
    ("A", None),
    (None, "None"),
    (None, 0),
    (UUID, OTHER),
    (UUID, OTHER.hex),
    (UUID, str(OTHER)),
    (17, "18"),
    (17, 18),
    (17, "11"),
    (0, False + 1),
    (True, "1.0"),
    (1.5, NAN),
    (b"\x01\xff", "01fe"),
    (Color.RED, Color.NUMBER),
    (Color.RED, "GREEN"),
    (Opaque(), Opaque()),
    (Raises(), Raises()),
    (RaisesAsText(), RaisesAsText()),
    (("a", 1), ("a", 2)),
    (("a", 1), ["a", 2]),
    (("a", 1), ["a"]),
    (("a", "b"), '["a", "c"]'),
    ("0af067aa0ba902b7", "0bf067aa0ba902b7"),
    ("DEADBEEF", "deadbeef"),
    (" a ", "a"),
    ("017", "17"),
    ("2026-01-02", "2026-01-02T00:00:00"),
    (UUID, base64.b64encode(OTHER.bytes).decode()),
    (17, "17.5"),
    (17, "1e400000"),
    (17, "9" * 5000),
    (Decimal("17.01"), "17"),
    (Decimal(17), "A-17"),
    (b"abc", "YWJk"),
    (MOMENT, "2026-01-02T03:04:05"),
    (MOMENT, "2026-01-02T03:04:05.679Z"),
    (MOMENT, "tomorrow"),
    (MOMENT, MOMENT.timestamp() + 1),
    (MOMENT.date(), "2026-01-03"),
    (Scalar(5), 6),
    (Parts(1, 2), Parts(1, 3)),
    (Parts(2, 2), 2),
    (Parts(1, 1), Parts(1)),
    (Unanswered("5"), Unanswered("6")),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_they_are_the_same(one: Any, other: Any) -> None:
    """Whichever was submitted."""
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_they_are_not(one: Any, other: Any) -> None:
    """In neither direction: the alarm is kept."""
    assert not same(one, other)
    assert not same(other, one)


@pytest.mark.parametrize("value", [Raises(), RaisesAsText(), Opaque(), ["a list"]])
def test_an_object_is_itself(value: Any) -> None:
    """Whatever it says, also as a key, which may have to be made of what cannot be hashed."""
    assert same(value, value)
    assert key_of(value) == key_of(value)
    assert hash(key_of(value)) == hash(key_of(value))


@pytest.mark.parametrize(("one", "other"), [("A", "B"), (1, 2), (Raises(), Raises()), (["a"], ["b"])])
def test_other_keys(one: Any, other: Any) -> None:
    """Two ids are two keys."""
    assert len({key_of(one): 1, key_of(other): 2}) == 2


def test_a_text_is_its_own_key() -> None:
    """As most ids are: nothing is made for it."""
    assert key_of("A") == "A"
    assert key_of(None) is None


@pytest.mark.parametrize(
    ("one", "is_none"), [("", True), (Text(""), True), (" ", False), (0, False), (False, False), ((), False)]
)
def test_no_id_may_be_an_empty_text(one: Any, is_none: bool) -> None:
    """Where text alone is taken it is filed so; nothing else is no id."""
    assert (same(None, one), same(one, None)) == (is_none, is_none)
