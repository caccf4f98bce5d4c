"""Programs that hand over, and what is to be found of each. All file rows; how many are wrong they say themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

OFFICE: Final = """
import threading

ROWS = [f"r{number}" for number in range(1, 7)]
all_in = threading.Event()
filed = []


class Desk:
    row = None


def file(row, under):
    filed.append((row, under))


def wrong():
    return sum(row != under for row, under in filed)
"""
"""What they share."""

_IMPORTS: Final = """
import asyncio, contextvars, multiprocessing, multiprocessing.pool, optparse, queue, threading, types
from concurrent.futures import ThreadPoolExecutor, ProcessPoolExecutor
from contextlib import closing
from functools import partial
from office import ROWS, Desk, all_in, file
"""


@dataclass(frozen=True)
class Program:
    """A program.

    Attributes:
        name: of its module.
        source: has a function `main`.
        way: what hands over; empty where nothing wrong is to be found.
        work: what is to be named as the work function, behind the module.
        context: where the object is.
        field: what says which row it is.
        verdict: what is to be said.
        why: why it is right, where something moves in flight and is read.
    """

    name: str
    source: str
    way: str = ""
    work: str = "work"
    context: str = "desk"
    field: str = "row"
    verdict: str = "wrong"
    why: str = ""

    @property
    def text(self) -> str:
        """Return the whole module."""
        return _IMPORTS + self.source


WRONG: Final = (
    Program(
        "a_method",
        """
class Shop:
    def __init__(self):
        self.pool = ThreadPoolExecutor(1)

    def bill(self, row, desk):
        all_in.wait()
        file(row, desk.row)


def main():
    shop, desk = Shop(), Desk()
    for row in ROWS:
        desk.row = row
        shop.pool.submit(shop.bill, row, desk)
    all_in.set()
    shop.pool.shutdown()
""",
        "ThreadPoolExecutor.submit",
        work="Shop.bill",
    ),
    Program(
        "a_partial",
        """
def work(row, desk):
    all_in.wait()
    file(row, desk.row)


def main():
    desk = Desk()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(partial(work, row, desk=desk))
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
    ),
    Program(
        "a_thread",
        """
def work(row, desk):
    all_in.wait()
    file(row, desk.row)


def main():
    desk, threads = Desk(), []
    for row in ROWS:
        desk.row = row
        threads.append(threading.Thread(target=work, args=(row, desk)))
        threads[-1].start()
    all_in.set()
    for thread in threads:
        thread.join()
""",
        "Thread.start",
    ),
    Program(
        "a_timer",
        """
def work(row, desk):
    all_in.wait()
    file(row, desk.row)


def main():
    desk, timers = Desk(), []
    for row in ROWS:
        desk.row = row
        timers.append(threading.Timer(0, work, (row, desk)))
        timers[-1].start()
    all_in.set()
    for timer in timers:
        timer.join()
""",
        "Thread.start",
    ),
    Program(
        "a_thread_of_its_own",
        """
class Worker(threading.Thread):
    def __init__(self, row, desk):
        super().__init__()
        self.row, self.desk = row, desk

    def run(self):
        all_in.wait()
        file(self.row, self.desk.row)


def main():
    desk, threads = Desk(), []
    for row in ROWS:
        desk.row = row
        threads.append(Worker(row, desk))
        threads[-1].start()
    all_in.set()
    for thread in threads:
        thread.join()
""",
        "Thread.start",
        work="Worker.run",
        context="self.desk",
    ),
    Program(
        "a_thread_pool",
        """
def work(row, desk):
    all_in.wait()
    file(row, desk.row)


def main():
    desk = Desk()
    with closing(multiprocessing.pool.ThreadPool(1)) as pool:
        found = []
        for row in ROWS:
            desk.row = row
            found.append(pool.apply_async(work, (row, desk)))
        all_in.set()
        for one in found:
            one.get()
    pool.join()
""",
        "Pool.apply_async",
    ),
    Program(
        "a_star",
        """
def work(row, desk):
    all_in.wait()
    file(row, desk.row)


def rows(desk):
    for row in ROWS:
        desk.row = row
        yield row, desk
    all_in.set()


def main():
    with closing(multiprocessing.pool.ThreadPool(1)) as pool:
        pool.starmap(work, rows(Desk()))
    pool.join()
""",
        "Pool.map",
    ),
    Program(
        "a_loop_of_tasks",
        """
async def serve(items):
    while (item := await items.get()) is not None:
        row, desk = item
        await asyncio.sleep(0)
        file(row, desk.row)


async def rows():
    desk, items = Desk(), asyncio.Queue()
    task = asyncio.create_task(serve(items))
    for row in ROWS:
        desk.row = row
        await items.put((row, desk))
    await items.put(None)
    await task


def main():
    asyncio.run(rows())
""",
        "asyncio.Queue.put",
        work="serve",
        context="item.1",
    ),
    Program(
        "in_an_executor",
        """
def work(row, desk):
    all_in.wait()
    file(row, desk.row)


async def rows():
    desk, loop, found = Desk(), asyncio.get_running_loop(), []
    for row in ROWS:
        desk.row = row
        found.append(loop.run_in_executor(None, work, row, desk))
    all_in.set()
    await asyncio.gather(*found)


def main():
    asyncio.run(rows())
""",
        "ThreadPoolExecutor.submit",
    ),
    Program(
        "a_token",
        """
class Token:
    def __init__(self, row):
        self.token_id = f"token-{row}"
        self.row = row


class Context:
    token = None


def work(row, ctx):
    all_in.wait()
    file(row, ctx.token.row)


def main():
    ctx = Context()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            ctx.token = Token(row)
            pool.submit(work, row, ctx)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="ctx",
        field="token.row",
    ),
    Program(
        "with_slots",
        """
class Context:
    __slots__ = ("row",)


def work(row, ctx):
    all_in.wait()
    file(row, ctx.row)


def main():
    ctx = Context()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            ctx.row = row
            pool.submit(work, row, ctx)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="ctx",
    ),
    Program(
        "of_a_library",
        """
def work(row, options):
    all_in.wait()
    file(row, options.row)


def main():
    options = optparse.Values({"row": None})
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            options.row = row
            pool.submit(work, row, options)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="options",
    ),
    Program(
        "on_itself",
        """
class Shop:
    current_row = None

    def __init__(self):
        self.pool = ThreadPoolExecutor(1)

    def bill(self, row):
        all_in.wait()
        file(row, self.current_row)


def main():
    shop = Shop()
    for row in ROWS:
        shop.current_row = row
        shop.pool.submit(shop.bill, row)
    all_in.set()
    shop.pool.shutdown()
""",
        "ThreadPoolExecutor.submit",
        work="Shop.bill",
        context="self",
        field="current_row",
    ),
    Program(
        "in_a_dict",
        """
def work(row, message):
    all_in.wait()
    file(row, message["row"])


def main():
    message = {}
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            message["row"] = row
            pool.submit(work, row, message)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="message",
        verdict="exposed",
    ),
    Program(
        "in_a_namespace",
        """
def work(row, ctx):
    all_in.wait()
    file(row, ctx.row)


def main():
    ctx = types.SimpleNamespace(row=None)
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            ctx.row = row
            pool.submit(work, row, ctx)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="ctx",
        verdict="exposed",
    ),
)
"""The race is real in each of them, whenever it runs."""

DOUBTFUL: Final = (
    Program(
        "by_a_person_s_name",
        """
def work(row, desk):
    all_in.wait()
    file(row, desk.buyer)


def main():
    desk = Desk()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            desk.buyer = f"{row} Lovelace".replace("r", "Ada ")
            pool.submit(work, desk.buyer, desk)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
    ),
    Program(
        "by_a_pair",
        """
def work(row, desk):
    all_in.wait()
    file(row, desk.pair)


def main():
    desk = Desk()
    with ThreadPoolExecutor(1) as pool:
        for number, row in enumerate(ROWS):
            desk.pair = (row, number)
            pool.submit(work, desk.pair, desk)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
    ),
)
"""The race is real in each of them; whether what moves says which row it is, nobody can tell from outside."""

ELSEWHERE: Final = (
    Program(
        "on_the_loop_s_own",
        """
class Shop:
    current_id = None

    def __init__(self):
        self.rows, self.is_waiting = queue.Queue(), threading.Event()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while (row := self.rows.get()) is not None:
            all_in.wait()
            file(row, self.current_id)


def main():
    shop = Shop()
    while not shop.rows.not_empty._waiters:
        threading.Event().wait(0.001)
    for row in ROWS:
        shop.current_id = row
        shop.rows.put(row)
    shop.rows.put(None)
    all_in.set()
    shop.thread.join()
""",
        "Queue.put",
        work="Shop.serve",
        context="self",
        field="current_id",
    ),
    Program(
        "at_several_places",
        """
def work(row, desk):
    all_in.wait()
    file(row, desk.row)


def main():
    desk = Desk()
    with ThreadPoolExecutor(1) as pool:
        desk.row = "r1"
        pool.submit(work, "r1", desk)
        desk.row = "r2"
        pool.submit(work, "r2", desk)
        desk.row = "r3"
        pool.submit(work, "r3", desk)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
    ),
)
"""The race is real in each of them, and not all of its rows are handed over in one place, with one object."""

TWO_CLASSES: Final = Program(
    "two_classes",
    """
class Order:
    number = None


class Refund:
    number = None


def work(row, paper):
    all_in.wait()
    file(row, paper.number)


def main():
    papers = [Order(), Refund()]
    with ThreadPoolExecutor(1) as pool:
        for place, row in enumerate(ROWS):
            paper = papers[place % 2]
            paper.number = row
            pool.submit(work, row, paper)
        all_in.set()
""",
)

TWO_OBJECTS: Final = Program(
    "two_objects",
    """
class Customer:
    customer_id = None


def work(row, one, other):
    all_in.wait()
    file((row, f"c-{row}"), (one.row, other.customer_id))


def main():
    one, other = Desk(), Customer()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            one.row, other.customer_id = row, f"c-{row}"
            pool.submit(work, row, one, other)
        all_in.set()
""",
)
"""Both change with each row."""

IN_A_VARIABLE: Final = Program(
    "in_a_variable",
    """
import contextvars

current_row = contextvars.ContextVar("current_row", default=None)


def work(row):
    all_in.wait()
    file(row, current_row.get())


def main():
    with ThreadPoolExecutor(1) as pool:
        pool.submit(all_in.wait)
        for row in ROWS:
            current_row.set(row)
            pool.submit(work, row)
        all_in.set()
""",
    "ThreadPoolExecutor.submit",
    context="ContextVar current_row",
    field="current_row",
    verdict="exposed",
)
"""Its worker has a thread without it."""

CLEAN: Final = (
    Program(
        "one_each",
        """
def work(row, desk):
    all_in.wait()
    file(row, desk.row)


def main():
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            desk = Desk()
            desk.row = row
            pool.submit(work, row, desk)
        all_in.set()
""",
    ),
    Program(
        "waited_for",
        """
def work(row, desk):
    file(row, desk.row)


def main():
    desk = Desk()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(work, row, desk).result()
""",
    ),
    Program(
        "never_changed",
        """
def work(row, desk):
    file(row, row) if desk.row == "everybody's" else file(row, None)


def main():
    desk = Desk()
    desk.row = "everybody's"
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            pool.submit(work, row, desk)
""",
    ),
    Program(
        "a_stop_flag",
        """
class Server:
    def __init__(self):
        self.is_stopped = False
        self.stop_reason = None

    def serve(self):
        all_in.wait()
        file(self.is_stopped, True)
        file(self.stop_reason, "shutdown-1")


def main():
    server = Server()
    threads = [threading.Thread(target=server.serve) for _ in ROWS]
    for thread in threads:
        thread.start()
    server.is_stopped, server.stop_reason = True, "shutdown-1"
    all_in.set()
    for thread in threads:
        thread.join()
""",
    ),
    Program(
        "a_count",
        """
class Shop:
    def __init__(self):
        self.pool, self.request_count, self.pending = ThreadPoolExecutor(1), 0, 0

    def hand_over(self, row):
        self.request_count += 1
        self.pending += 1
        self.pool.submit(self.bill, row)

    def bill(self, row):
        all_in.wait()
        self.pending -= 1
        file(row, row if self.request_count == len(ROWS) else None)


def main():
    shop = Shop()
    for row in ROWS:
        shop.hand_over(row)
    all_in.set()
    shop.pool.shutdown()
""",
    ),
    Program(
        "a_status",
        """
class Shop:
    status = "idle"

    def __init__(self):
        self.pool = ThreadPoolExecutor(1)

    def bill(self, row):
        all_in.wait()
        file(row, row if self.status in ("idle", "busy", "done") else None)


def main():
    shop = Shop()
    for number, row in enumerate(ROWS):
        shop.status = ("idle", "busy", "done")[number % 3]
        shop.pool.submit(shop.bill, row)
    all_in.set()
    shop.pool.shutdown()
""",
    ),
    Program(
        "the_latest_on_purpose",
        """
class Feed:
    def __init__(self):
        self.pool, self.price, self.latest_version = ThreadPoolExecutor(1), 0.0, 0

    def quote(self, row):
        all_in.wait()
        file(row, row if self.price == float(len(ROWS)) and self.latest_version else None)


def main():
    feed = Feed()
    for number, row in enumerate(ROWS, 1):
        feed.price, feed.latest_version = float(number), number
        feed.pool.submit(feed.quote, row)
    all_in.set()
    feed.pool.shutdown()
""",
    ),
    Program(
        "its_own_again",
        """
local = threading.Lock()


def work(row, desk):
    with local:
        desk.row = row
        file(row, desk.row)


def main():
    desk = Desk()
    with ThreadPoolExecutor(3) as pool:
        for row in ROWS:
            pool.submit(work, row, desk)
""",
    ),
    Program(
        "taken_before",
        """
def work(row, under, desk):
    all_in.wait()
    file(row, under)


def main():
    desk = Desk()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(work, row, desk.row, desk)
        all_in.set()
""",
    ),
    Program(
        "in_a_queue",
        """
def serve(items):
    while (item := items.get()) is not None:
        row, desk = item
        file(row, desk.row)
        items.task_done()


def main():
    items = queue.Queue()
    thread = threading.Thread(target=serve, args=(items,))
    thread.start()
    for row in ROWS:
        desk = Desk()
        desk.row = row
        items.put((row, desk))
    items.put(None)
    thread.join()
""",
    ),
    Program(
        "tasks_in_turn",
        """
async def work(row, desk):
    await asyncio.sleep(0)
    file(row, desk.row)


async def rows():
    desk = Desk()
    for row in ROWS:
        desk.row = row
        await asyncio.create_task(work(row, desk))


def main():
    asyncio.run(rows())
""",
    ),
    Program(
        "a_copy",
        """
import copy


def work(row, desk):
    all_in.wait()
    file(row, desk.row)


def main():
    desk = Desk()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(work, row, copy.copy(desk))
        all_in.set()
""",
    ),
    Program(
        "results_on_it",
        """
class Job:
    def __init__(self, job_id):
        self.job_id, self.result_id = job_id, None


def work(job):
    all_in.wait()
    job.result_id = f"result-{job.job_id}"


def main():
    jobs = [Job(row) for row in ROWS]
    with ThreadPoolExecutor(2) as pool:
        for job in jobs:
            pool.submit(work, job)
        all_in.set()
    for job in jobs:
        file(f"result-{job.job_id}", job.result_id)
""",
    ),
    Program(
        "an_allocator",
        """
class Ids:
    next_id = 0

    def __init__(self):
        self.lock = threading.Lock()

    def another(self):
        with self.lock:
            self.next_id += 1
            return self.next_id


def work(row, ids):
    all_in.wait()
    file(True, ids.another() > len(ROWS))


def main():
    ids = Ids()
    with ThreadPoolExecutor(2) as pool:
        for _ in ROWS:
            pool.submit(work, ids.another(), ids)
        all_in.set()
""",
    ),
    Program(
        "a_budget",
        """
class Meter:
    token_budget = 100


def work(row, meter):
    all_in.wait()
    file(True, meter.token_budget <= 40)


def main():
    meter = Meter()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            meter.token_budget -= 10
            pool.submit(work, row, meter)
        all_in.set()
""",
    ),
    Program(
        "the_newest",
        """
class Feed:
    price, now, last_order_id = "", "", None


def work(row, feed):
    all_in.wait()
    file(("106.25", "2026-11-29T18:00:06", "r6"), (feed.price, feed.now, feed.last_order_id))


def main():
    feed = Feed()
    with ThreadPoolExecutor(2) as pool:
        for number, row in enumerate(ROWS, 1):
            feed.price, feed.now, feed.last_order_id = f"{100 + number}.25", f"2026-11-29T18:00:0{number}", row
            pool.submit(work, row, feed)
        all_in.set()
""",
    ),
    Program(
        "words",
        """
def main():
    with ThreadPoolExecutor(2) as pool:
        for row, found in zip(ROWS, pool.map(str.upper, ROWS)):
            file(row.upper(), found)
""",
    ),
)
"""Each row is filed as it should be, and nothing is to be called wrong."""
