"""A watched class that is pickled by value, as Dask, Ray and joblib do with some, takes nothing of ours along."""

from __future__ import annotations

import base64
import copy
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from otel_handoff.host.plainly import lookup
from otel_handoff.watch.descriptors import Watch, WatchedField

cloudpickle = pytest.importorskip("cloudpickle", reason="pip install 'otel-handoff[test]'")


class Defaulted:
    """The class has a default."""

    row_id: Any = None


class Inheriting(Defaulted):
    """Its base has."""


class Unset:
    """It has nothing; `items` is also what a dict has."""

    row_id: Any
    items: Any


class Dynamic:
    """It makes up what is not there."""

    def __getattr__(self, name: str) -> Any:
        if name == "row_id":
            return "made up"
        raise AttributeError(name)


class Slotted:
    """It keeps it in a slot."""

    __slots__ = ("row_id",)


class Computed:
    """It keeps it behind a property."""

    _kept: Any

    @property
    def row_id(self) -> Any:
        """A value."""
        return self._kept

    @row_id.setter
    def row_id(self, value: Any) -> None:
        self._kept = value


@dataclass
class Record:
    """A dataclass, with a field that has no default."""

    row_id: int
    others: list[int] = field(default_factory=list[int])


CLASSES: dict[str, Any] = {
    kind.__name__: kind for kind in (Defaulted, Inheriting, Unset, Dynamic, Slotted, Computed, Record)
}

FAR = """
import base64, pickle, sys
from operator import attrgetter

def missing(instance, name):
    try:
        getattr(instance, name)
    except AttributeError:
        return not hasattr(instance, name) and getattr(instance, name, 5) == 5
    return False

def look(classes):
    for name in ("Defaulted", "Inheriting"):
        row = classes[name]()
        assert row.row_id is None
        row.row_id = 1
        assert row.row_id == 1
        del row.row_id
        assert row.row_id is None
    for name in ("row_id", "items"):
        row = classes["Unset"]()
        assert missing(row, name) and vars(row) == {}
        setattr(row, name, 3)
        assert getattr(row, name) == 3 and vars(row) == {name: 3}
        delattr(row, name)
        assert missing(row, name) and vars(row) == {}
    row = classes["Dynamic"]()
    assert row.row_id == "made up" and vars(row) == {}
    row = classes["Slotted"]()
    assert missing(row, "row_id")
    row.row_id = 1
    assert row.row_id == 1
    row = classes["Computed"]()
    row.row_id = 4
    assert row.row_id == 4 and vars(row) == {"_kept": 4}
    Record = classes["Record"]
    assert Record(1) == Record(1) != Record(2) and repr(Record(1)).endswith("Record(row_id=1, others=[])")
    assert missing(object.__new__(Record), "row_id")

if sys.argv[2] == "without":
    sys.modules["otel_handoff"] = None
classes, rows = pickle.loads(base64.b64decode(sys.argv[1]))
look(classes)
assert [row.row_id for row in rows] == [7] * len(rows)
import cloudpickle
print(base64.b64encode(cloudpickle.dumps((classes, rows))).decode())
"""


@pytest.fixture
def watched() -> Iterator[None]:
    """All of them are watched."""
    watch = Watch(["row_id", "items"])
    for kind in CLASSES.values():
        watch.cover(kind)
    yield
    watch.remove()


def by_value(whole: Any) -> bytes:
    """Pickle `whole` with the classes of this module in it."""
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        return cloudpickle.dumps(whole)
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def rows() -> list[Any]:
    """An instance of each, with a value."""
    made = [object.__new__(kind) for kind in CLASSES.values()]
    for row in made:
        row.row_id = 7
        if isinstance(row, Record):
            row.others = []
    return made


def far(written: bytes, side: str) -> bytes:
    """Have another process load it, look at it, and send it on."""
    command = [sys.executable, "-c", FAR, base64.b64encode(written).decode(), side]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return base64.b64decode(done.stdout)


@pytest.mark.parametrize("side", ["with", "without"])
def test_the_far_side_has_the_class_as_it_was(side: str, watched: None) -> None:
    """It loads, reads, writes and lacks what it lacked, with otel-handoff there or not, and sends it on to the next."""
    written = by_value((CLASSES, rows()))
    assert b"otel_handoff" not in written
    again = far(written, side)
    assert b"otel_handoff" not in again
    far(again, side)


def test_the_control() -> None:
    """The same, unwatched."""
    far(far(by_value((CLASSES, rows())), "with"), "with")


def test_here_it_is_still_watched(watched: None) -> None:
    """To pickle a class changes nothing about it, and what had an attribute of its own gives that."""
    by_value((CLASSES, rows()))
    for kind in CLASSES.values():
        assert isinstance(lookup(kind, "row_id"), WatchedField)
    for kind in (Slotted, Computed):
        descriptor = vars(kind)["row_id"]
        assert copy.copy(descriptor) is descriptor.original
    assert pickle.loads(pickle.dumps(Defaulted.__dict__["row_id"])) is None
