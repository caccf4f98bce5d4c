"""scrapy/scrapy#2734 and mlrun/storey#103, in small: the id lies one level down, in what a shallow copy shares.

`property`: in a dict behind a property. `dict`: in a dict in a dict. `object`: on an inner object. `list`: in a list.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

from otel_handoff import Boundary, Call
from tests.reports.books import WAIT, books, settle
from tests.reports.expected import MARK, Expected

ITEMS = [f"item-{n}" for n in range(4)]
all_handed_over = threading.Event()


class Item:
    """Keeps its values in a dict."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    @property
    def id(self) -> str | None:
        return self._values.get("id")

    @id.setter
    def id(self, value: str) -> None:
        self._values["id"] = value


class Inner:
    """Has the id."""

    id: str | None = None


class Holder:
    """Has what has the id."""

    def __init__(self) -> None:
        self.row = Inner()


class Kind:
    """A kind of item: how it is made, how its id is put there, and read."""

    path: str
    culprit = MARK
    said: tuple[str, ...] = ()

    def new(self) -> Any:
        raise NotImplementedError

    def put(self, item: Any, value: str) -> None:
        raise NotImplementedError

    def get(self, item: Any) -> Any:
        raise NotImplementedError


class _Property(Kind):
    path = "id"

    def new(self) -> Any:
        return Item()

    def put(self, item: Any, value: str) -> None:
        item.id = value  # the write

    def get(self, item: Any) -> Any:
        return item.id


class _Dict(Kind):
    path = "meta.id"
    culprit = ""  # nothing sees a write to a dict
    said = ("what is in 'meta', a dict, may be read unseen", "reads of a dict are not seen")

    def new(self) -> Any:
        return {"meta": {}}

    def put(self, item: Any, value: str) -> None:
        item["meta"]["id"] = value

    def get(self, item: Any) -> Any:
        return item["meta"]["id"]


class _Object(Kind):
    path = "row.id"

    def new(self) -> Any:
        return Holder()

    def put(self, item: Any, value: str) -> None:
        item.row.id = value  # the write

    def get(self, item: Any) -> Any:
        return item.row.id


class _List(Kind):
    path = "stack.0"
    culprit = ""  # nor to a list
    said = ("what is in 'stack', a list, may be read unseen", "reads of a SimpleNamespace are not seen")

    def new(self) -> Any:
        return SimpleNamespace(stack=[None])

    def put(self, item: Any, value: str) -> None:
        item.stack[0] = value

    def get(self, item: Any) -> Any:
        return item.stack[0]


KINDS = {"property": _Property(), "dict": _Dict(), "object": _Object(), "list": _List()}
EXPECTED = {
    name: Expected(shared=f"`item.{kind.path}`, by all rows", records=4, wrong=3, culprit=kind.culprit, said=kind.said)
    for name, kind in KINDS.items()
}


class Pipeline:
    """Stores items in a pool."""

    def __init__(self, kind: Kind) -> None:
        self.pool, self.kind = ThreadPoolExecutor(1), kind

    def work(self, owner: str, item: Any) -> None:
        assert all_handed_over.wait(WAIT)
        save(owner, self.kind.get(item))


def save(owner: str, item_id: str | None) -> None:
    books.file(owner, item_id)


def declared(variant: str) -> Boundary:
    return Boundary(
        "items",
        work=f"{__name__}:Pipeline.work",
        context="item",
        fields={"item_id": KINDS[variant].path},
        calls=[Call(f"{__name__}:save", {"item_id": "item_id"})],
    )


def run(variant: str) -> None:
    kind = KINDS[variant]
    pipeline, item = Pipeline(kind), kind.new()
    stored: list[Any] = []
    for name in ITEMS:
        with books.request(name):
            kind.put(item, name)
            stored.append(pipeline.pool.submit(pipeline.work, name, item))
    all_handed_over.set()
    settle(stored)
