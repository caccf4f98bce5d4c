"""The yard's rows, where the object whose method works on them is what says which they are."""

from __future__ import annotations

import json
import multiprocessing
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

from yard import HERE, Desk, executor, initial, rows, work


def note(row: Any, under: Any) -> None:
    """File `row` under an id: by a function of this module's own."""
    with (HERE / "filed.jsonl").open("a", encoding="utf-8", buffering=1 << 20) as trail:
        trail.write(json.dumps([row, under]) + "\n")


def listed(item: list[Any]) -> None:
    """The same in a list."""
    note(item[0], item[1].row)


def named(item: dict[str, Any]) -> None:
    """The same in a dict."""
    note(item["row"], item["desk"].row)


class Clerk:
    """Has what says which row it is, on itself and on its desk; and what cannot be pickled, which it leaves out."""

    def __init__(self) -> None:
        self.row: Any = None
        self.desk = Desk()
        self.lock = threading.Lock()
        self.done = 0

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        del state["lock"]
        return state

    def bill(self, row: Any) -> Any:
        """File a row under what the clerk itself says."""
        assert not hasattr(self, "lock")
        note(row, self.row)
        return row

    def post(self, row: Any) -> Any:
        """The same of its desk."""
        note(row, self.desk.row)
        return row

    def ask(self, row: Any) -> Any:
        """The same, where something else of the clerk's leads to it."""
        assert self.own is self
        note(row, self.row)
        return row

    own: Any = None

    def after(self, row: Any) -> Any:
        """The same as `bill`, of what is serialised before the clerk."""
        note(row, self.row)
        return row

    def counts(self, row: Any) -> None:
        """The same, and what is left on the clerk."""
        with self.lock:
            self.done += 1
        note(row, self.row)

    def __call__(self, row: Any) -> Any:
        """The same, of an object that is called."""
        note(row, self.row)
        return row


class Far(Clerk):
    """The same, which may be sent on from where it came to."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "lock"}


def of_self(method: str, count: int) -> None:
    """The context is what the method is of, however that is handed over; or is on that."""
    clerk = Clerk()
    handed: Any = (
        *((clerk.bill,), (partial(clerk.bill),), (Clerk.bill, clerk), (partial(Clerk.bill, clerk),)),
        *((clerk.post,), (clerk,)),
    )
    with executor(method) as pool:
        done: list[Any] = []
        for number, row in enumerate(rows(count, clerk)):
            done.append(pool.submit(*handed[number % len(handed)], row))
        assert [one.result(60) for one in done] == [f"r{number}" for number in range(count)]
    assert clerk.lock.acquire(blocking=False)


def of_self_by_map(method: str, count: int) -> None:
    """Likewise, while the iterable goes on."""
    clerk = Clerk()
    with executor(method) as pool:
        list(pool.map(clerk.bill, rows(count, clerk)))


def of_self_by_joblib(_method: str, count: int) -> None:
    """By joblib, in processes."""
    from joblib import Parallel, delayed

    clerk = Clerk()
    Parallel(n_jobs=2, initializer=initial)([delayed(clerk.bill)(row) for row in rows(count, clerk)])


def of_self_by_threads(_method: str, count: int) -> None:
    """By joblib, which does not say beforehand that these are threads, or is one alone: the clerk is itself there."""
    from joblib import Parallel, delayed

    clerk = Clerk()
    for pool in (Parallel(n_jobs=1), Parallel(n_jobs=2, backend="threading")):
        pool([delayed(clerk.counts)(row) for row in rows(count // 2, clerk)])
    assert clerk.done == count


def of_self_by_pool(method: str, count: int) -> None:
    """By the other pool, and by loky."""
    clerk = Clerk()
    pool = multiprocessing.get_context(method).Pool(2, None if method == "fork" else initial)
    made = rows(count, clerk)
    for number, row in zip(range(count // 2), made, strict=False):
        pool.apply_async(*((clerk.bill, (row,)) if number % 2 else (partial(clerk.post), (row,))))
    pool.map(clerk.bill, made)
    pool.close()
    pool.join()


def of_own(method: str, count: int) -> None:
    """A clerk that leads to itself, and must do so on the far side."""
    clerk = Clerk()
    clerk.own = clerk
    with executor(method) as pool:
        for one in [pool.submit(clerk.ask, row) for row in rows(count, clerk)]:
            one.result(60)


def in_others(method: str, count: int) -> None:
    """In a list, or a dict."""
    desk = Desk()
    with executor(method) as pool:
        for number, row in enumerate(rows(count, desk)):
            given: Any = (listed, [row, desk]) if number % 2 else (named, {"row": row, "desk": desk})
            pool.submit(*given)


def desks(count: int) -> Iterator[tuple[str, Desk]]:
    """A desk for each row."""
    for number in range(count):
        desk = Desk()
        desk.row = f"r{number}"
        yield desk.row, desk


def clean_by_pool(method: str, count: int) -> None:
    """By the other pool: nothing is wrong."""
    pool = multiprocessing.get_context(method).Pool(2, None if method == "fork" else initial)
    half = count // 2
    made = desks(count)
    done = [pool.apply_async(work, next(made)) for _ in range(half)]
    assert len(pool.starmap(work, made)) == count - half
    assert [one.get(60) for one in done] == [f"r{number}" for number in range(half)]
    pool.close()
    pool.join()


def clean_by_loky(_method: str, count: int) -> None:
    """By loky, likewise."""
    from joblib.externals.loky import get_reusable_executor

    pool = get_reusable_executor(2, initializer=initial)
    for one in [pool.submit(work, row, desk) for row, desk in desks(count)]:
        one.result(60)
    pool.shutdown()
