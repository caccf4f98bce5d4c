"""promise 2.2.1, syrusakbary/promise#81: what is to be called later waits in one queue of the process.

Whichever thread empties it calls all: a resolver reads the user of that thread, which is another request's.
"""

from __future__ import annotations

import collections
import collections.abc
import threading
from typing import Any

collections.Iterable = collections.abc.Iterable  # pyright: ignore[reportAttributeAccessIssue]  # the library is from before Python 3.10

from promise import Promise

from otel_handoff import Boundary, Call
from tests.reports.books import WAIT, books, start_all
from tests.reports.expected import Expected

EXPECTED = Expected(
    shared="the user in a `threading.local`, by what one thread calls for others",
    records=2,
    wrong=1,
    culprit="",  # nothing sees a write to a thread-local
    prevented=False,
)
here = threading.local()
first_empties, second_deferred, all_done = threading.Event(), threading.Event(), threading.Event()


class Request:
    """Whose request it is."""

    def __init__(self, user: str) -> None:
        self.user = user


def resolve(request: Request) -> None:
    audit(request, here.user)


def audit(request: Request, user: str) -> None:
    books.file(request.user, user)


def defer(request: Request) -> Any:
    return Promise.resolve(request).then(resolve)


def first() -> None:
    """A request that is emptying the queue when the other one puts something there."""
    here.user = "first"

    def slow(_: None) -> None:
        first_empties.set()
        assert second_deferred.wait(WAIT)

    with books.request("first"):
        Promise.resolve(None).then(slow)
        defer(Request("first"))
    all_done.set()


def second() -> None:
    """The other one."""
    assert first_empties.wait(WAIT)
    here.user = "second"
    with books.request("second"):
        defer(Request("second"))
    second_deferred.set()
    assert all_done.wait(WAIT)


def declared() -> Boundary:
    return Boundary(
        "resolvers",
        submit=f"{__name__}:defer",
        work=f"{__name__}:resolve",
        context=f"{__name__}:here",
        fields={"user": "user"},
        calls=[Call(f"{__name__}:audit", {"user": "user"})],
    )


def run() -> None:
    start_all([threading.Thread(target=first), threading.Thread(target=second)])
