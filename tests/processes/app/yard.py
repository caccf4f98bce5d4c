"""A host that hands rows to pools of processes, with a desk that it goes on changing."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(os.environ["YARD"])


class Order:
    """What a desk has."""

    def __init__(self) -> None:
        self.id: Any = None


class Desk:
    """What the submitter goes on changing; in it, and below."""

    def __init__(self) -> None:
        self.row: Any = None
        self.order = Order()
        self.lock: Any = None


def file(row: Any, under: Any) -> None:
    """File `row` under an id: in one write, which appends."""
    with (HERE / "filed.jsonl").open("a", encoding="utf-8", buffering=1 << 20) as trail:
        trail.write(json.dumps([row, under]) + "\n")


def work(row: Any, desk: Any) -> Any:
    """File a row under what its desk says."""
    file(row, desk.row)
    return row


def deep(row: Any, desk: Any) -> None:
    """The same of what is below."""
    file(row, desk.order.id)


def plain(row: Any, desk: dict[str, Any]) -> None:
    """The same of a dict."""
    file(row, desk["row"])


def fatal(row: Any, desk: Any) -> None:
    """End the process that works on it first, as what runs out of memory is ended."""
    mark = HERE / "fatal"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    file(row, desk.row)


PAIR = threading.Barrier(2, timeout=30)


def own(row: Any, desk: Any) -> None:
    """Keep the row on a desk that another thread has as well: of a pair, one is wrong."""
    desk.row = row
    PAIR.wait()
    file(row, desk.row)
    PAIR.wait()


class Shop:
    """Hands over by a function of its own, or a method."""

    def __init__(self, name: str) -> None:
        self.name = name

    def bill(self, row: Any, desk: Any) -> None:
        """File a row under what its desk says."""
        file(row, desk.row)

    def enqueue(self, pool: Any, row: Any, desk: Any) -> Any:
        """Hand a row over."""
        return pool.submit(self.post, row, desk)

    def post(self, row: Any, desk: Any) -> None:
        """The work that `enqueue` is declared with."""
        file(row, desk.row)


def hand_over(pool: Any, row: Any, desk: Any) -> Any:
    """Hand a row over to a function of the module."""
    return pool.submit(handed, row, desk)


def handed(row: Any, desk: Any) -> None:
    """The work that `hand_over` is declared with."""
    file(row, desk.row)


def packed(item: tuple[Any, Any]) -> None:
    """The same of one argument that has both."""
    row, desk = item
    file(row, desk.row)


def rows(count: int, desk: Any) -> Iterator[str]:
    """Each row, once the desk is the row's."""
    for number in range(count):
        desk.row = f"r{number}"
        if isinstance(desk, Desk):
            desk.order.id = desk.row
        else:
            desk.desk.row = desk.row
        yield desk.row


def initial() -> None:
    """What a child begins with, that has nothing from its parent."""
    import yard_on

    yard_on.turn_on("child")


def executor(method: str, workers: int = 2) -> ProcessPoolExecutor:
    """A pool of processes."""
    begin = None if method == "fork" else initial
    return ProcessPoolExecutor(workers, multiprocessing.get_context(method), initializer=begin)


def submit(method: str, count: int) -> None:
    """By `submit`."""
    desk = Desk()
    with executor(method) as pool:
        done = [pool.submit(work, row, desk) for row in rows(count, desk)]
        assert [one.result(60) for one in done] == [f"r{number}" for number in range(count)]


def of_below(method: str, count: int) -> None:
    """Where the id lies below what is handed over."""
    desk = Desk()
    with executor(method) as pool:
        for row in rows(count, desk):
            pool.submit(deep, row, desk=desk)


def in_partial(method: str, count: int) -> None:
    """In a partial, which holds the desk."""
    desk = Desk()
    with executor(method) as pool:
        for row in rows(count, desk):
            pool.submit(partial(work, desk=desk), row)


def of_method(method: str, count: int) -> None:
    """A method."""
    desk, shop = Desk(), Shop("s")
    with executor(method) as pool:
        for row in rows(count, desk):
            pool.submit(shop.bill, row, desk)


def of_class(method: str, count: int) -> None:
    """A function of a class, which is given the instance first: in a partial, or as an argument."""
    desk, shop = Desk(), Shop("s")
    with executor(method) as pool:
        for number, row in enumerate(rows(count, desk)):
            given: Any = (partial(Shop.bill, shop),) if number % 2 else (Shop.bill, shop)
            pool.submit(*given, row, desk=desk)


def by_enqueue(method: str, count: int) -> None:
    """By a function of the host's own, which looks the work up."""
    desk, shop = Desk(), Shop("s")
    with executor(method) as pool:
        for row in rows(count, desk):
            shop.enqueue(pool, row, desk)


def by_hand_over(method: str, count: int) -> None:
    """By one that takes it from its module."""
    desk = Desk()
    with executor(method) as pool:
        for row in rows(count, desk):
            hand_over(pool, row, desk)


def by_map(method: str, count: int) -> None:
    """By `map`, some at a time."""
    desk = Desk()
    with executor(method) as pool:
        for _ in pool.map(work, rows(count, desk), [desk] * count, chunksize=3):
            pass


def by_apply(method: str, count: int) -> None:
    """By `apply_async` of the other pool; every second in one argument with what else is to be sent."""
    desk = Desk()
    pool = multiprocessing.get_context(method).Pool(2, None if method == "fork" else initial)
    for number, row in enumerate(rows(count, desk)):
        pool.apply_async(*((packed, ((row, desk),)) if number % 2 else (work, (row, desk))))
    pool.close()
    pool.join()


def by_starmap(method: str, count: int) -> None:
    """By `starmap`, which takes all of them before it sends the first."""
    desk = Desk()
    pool = multiprocessing.get_context(method).Pool(2, None if method == "fork" else initial)
    pool.starmap(work, ((row, desk) for row in rows(count, desk)))
    pool.close()
    pool.join()


def serve(items: Any, method: str) -> None:
    """A loop in a process of its own."""
    while (item := items.get()) is not None:
        row, desk = item
        file(row, desk.row)


def begun(items: Any, method: str) -> None:
    """Where that process begins."""
    if method != "fork":
        initial()
    import yard  # as it is then

    yard.serve(items, method)


def by_queue(method: str, count: int) -> None:
    """Into a queue between processes, which is pickled by a thread of its own."""
    desk: Any = Desk()
    context: Any = multiprocessing.get_context(method)
    items = context.Queue()
    loop = context.Process(target=begun, args=(items, method))
    loop.start()
    for row in rows(count, desk):
        items.put((row, desk))
    items.put(None)
    loop.join()


def by_joblib(_method: str, count: int) -> None:
    """By joblib, which pickles by value what it must."""
    from joblib import Parallel, delayed

    desk = Desk()
    Parallel(n_jobs=2, initializer=initial)([delayed(work)(row, desk) for row in rows(count, desk)])


def by_loky(_method: str, count: int) -> None:
    """By what joblib is built on."""
    from joblib.externals.loky import get_reusable_executor

    desk = Desk()
    pool = get_reusable_executor(2, initializer=initial)
    for one in [pool.submit(work, row, desk) for row in rows(count, desk)]:
        one.result(60)
    pool.shutdown()


def unpicklable(method: str, count: int) -> None:
    """Every second row has what cannot be pickled: whoever handed it over has the error, however that was done."""
    desks: list[tuple[str, Desk]] = []
    for number in range(count):
        desk = Desk()
        desk.row = f"r{number}"
        desk.lock = threading.Lock() if number % 2 else None
        desks.append((desk.row, desk))
    with executor(method) as pool:
        done = [pool.submit(work, row, desk) for row, desk in desks]
        assert [one.exception(60) is None for one in done] == [True, False] * (count // 2)
        for row, desk in desks[1::2]:
            desk.row = row
            one = pool.submit(work, row, desk)
            desk.row = "another"  # nobody is given that
            assert isinstance(one.exception(60), TypeError)
    processes = multiprocessing.get_context(method).Pool(2, None if method == "fork" else initial)
    for row, desk in desks[1::2]:
        try:
            processes.apply_async(work, (row, desk)).get(60)
        except (TypeError, AttributeError):
            continue
        raise AssertionError
    processes.close()
    processes.join()
    if find_spec("joblib") is not None:
        from joblib.externals.loky import get_reusable_executor

        pool = get_reusable_executor(2, initializer=initial)
        assert all(pool.submit(work, row, desk).exception(60) is not None for row, desk in desks[1::2])
        pool.shutdown()


def clean(method: str, count: int) -> None:
    """A desk for each row."""
    with executor(method) as pool:
        done: list[Any] = []
        for number in range(count):
            desk = Desk()
            desk.row = f"r{number}"
            done.append(pool.submit(work, desk.row, desk))
        for one in done:
            one.result(60)
