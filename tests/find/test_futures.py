"""What the program gives to a future, and changes afterwards, is told; those of pools are left alone."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from otel_handoff.find import session
from otel_handoff.find.found import EXPOSED, Found
from otel_handoff.find.futures import UNSEEN

PYTHONS: Any = concurrent.futures.Future
ROWS = [f"r{number}" for number in range(1, 7)]


class Desk:
    """What goes across."""

    row: str | None = None


@pytest.fixture(autouse=True)
def looked_at() -> Iterator[None]:
    """Look while the test runs."""
    session.start()
    try:
        yield
    finally:
        session.stop()
    assert concurrent.futures.Future is PYTHONS


def told() -> list[Found]:
    """Return what is exposed, and given to a future."""
    return [one for one in session.result().found if one.verdict == EXPOSED and one.way == "Future.set_result"]


def handed_over(*, is_shared: bool, is_waited_for: bool) -> list[tuple[str, str | None]]:
    """Hand a desk to each of six waiting threads."""
    filed: list[tuple[str, str | None]] = []
    all_in, desk = threading.Event(), Desk()

    def wait(row: str, future: concurrent.futures.Future[Desk]) -> None:
        given = future.result()
        assert is_waited_for or all_in.wait(60)
        filed.append((row, given.row))

    with ThreadPoolExecutor(6) as pool:
        for row in ROWS:
            future: concurrent.futures.Future[Desk] = concurrent.futures.Future()
            waiting = pool.submit(wait, row, future)
            desk = desk if is_shared else Desk()
            desk.row = row
            future.set_result(desk)
            if is_waited_for:
                waiting.result()
        all_in.set()
    return filed


def test_a_future_of_threads() -> None:
    """Each waits for the same desk, which is another's by then; no boundary follows it."""
    filed = handed_over(is_shared=True, is_waited_for=False)
    assert sum(row != under for row, under in filed) == 5
    (found,) = told()
    assert (found.moved, found.unwatched, found.boundary) == (5, UNSEEN, None)
    assert "a copy" in found.why_not
    assert session.result().in_doubt == 1


def test_a_desk_for_each_row() -> None:
    """Nothing is told."""
    assert all(row == under for row, under in handed_over(is_shared=False, is_waited_for=False))
    assert not told()


def test_a_future_of_a_loop() -> None:
    """The same, also where another thread has the loop give it."""

    async def wait(row: str, future: asyncio.Future[Desk]) -> tuple[str, str | None]:
        given = await future
        await asyncio.sleep(0)
        return row, given.row

    async def run() -> list[tuple[str, str | None]]:
        desk, loop = Desk(), asyncio.get_running_loop()
        tasks: list[asyncio.Task[tuple[str, str | None]]] = []
        for row in ROWS:
            future: asyncio.Future[Desk] = loop.create_future()
            tasks.append(asyncio.create_task(wait(row, future)))
            await asyncio.sleep(0)
            desk.row = row
            loop.call_soon_threadsafe(future.set_result, desk)
            await asyncio.sleep(0)
        return await asyncio.gather(*tasks)

    filed = asyncio.run(run())
    assert sum(row != under for row, under in filed) == 5
    (found,) = told()
    assert found.moved == 5


def test_it_is_python_s() -> None:
    """For whoever asks; those of a pool are, and what was made goes on when nobody looks any more."""
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()
    assert isinstance(future, PYTHONS)
    assert issubclass(PYTHONS, concurrent.futures.Future)
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(len, "r")
        assert type(done) is PYTHONS
        assert isinstance(done, concurrent.futures.Future)
    assert future.set_running_or_notify_cancel()
    session.stop()
    future.set_result(Desk())
    assert isinstance(future.result(), Desk)
