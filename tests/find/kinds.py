"""Programs whose shared object is not simply handed over: in a list, a global, on a class, deep, or in a function."""

from __future__ import annotations

from typing import Final

from tests.find.programs import Program

GUARDED: Final = (
    Program(
        "in_a_list",
        """
def work(row, slot):
    all_in.wait()
    file(row, slot[0])


def main():
    slot = [None, "shop"]
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            slot[0] = row
            pool.submit(work, row, slot)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="slot",
        field="0",
        verdict="exposed",
    ),
    Program(
        "in_a_list_on_it",
        """
class Shop:
    def __init__(self):
        self.current_ids = [None]


def work(row, shop):
    all_in.wait()
    file(row, shop.current_ids[0])


def main():
    shop = Shop()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            shop.current_ids[0] = row
            pool.submit(work, row, shop)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="shop",
        field="current_ids.0",
        verdict="exposed",
    ),
    Program(
        "an_object_of_a_helper",
        """
desk = Desk()


def under():
    return desk.row


def work(row):
    all_in.wait()
    file(row, under())


def main():
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(work, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="an_object_of_a_helper:desk",
        field="row",
    ),
    Program(
        "of_a_method_of_its_own",
        """
desk = Desk()


class Shop:
    def bill(self, row):
        all_in.wait()
        self.note(row)

    def note(self, row):
        file(row, desk.row)


def main():
    shop = Shop()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(shop.bill, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        work="Shop.bill",
        context="of_a_method_of_its_own:desk",
    ),
    Program(
        "four_levels_deep",
        """
class Level:
    def __init__(self, inner):
        self.inner = inner


def work(row, top):
    all_in.wait()
    file(row, top.inner.inner.inner.inner.row)


def main():
    desk = Desk()
    top = Level(Level(Level(Level(desk))))
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(work, row, top)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="top",
        field="inner.inner.inner.inner.row",
    ),
    Program(
        "with_wraps",
        """
import functools

def timed(function):
    @functools.wraps(function)
    def timer(*args, **kwargs):
        return function(*args, **kwargs)
    return timer

@timed
def work(row, desk):
    all_in.wait()
    file(row, desk.row)


def main():
    desk = Desk()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(work, row, desk)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
    ),
    Program(
        "with_wraps_method",
        """
import functools

def timed(function):
    @functools.wraps(function)
    def timer(self, *args, **kwargs):
        return function(self, *args, **kwargs)
    return timer

class Shop:
    @timed
    def work(self, row, desk):
        all_in.wait()
        file(row, desk.row)


def main():
    desk = Desk()
    shop = Shop()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(shop.work, row, desk)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        work="Shop.work",
    ),
    Program(
        "singledispatched",
        """
import functools

@functools.singledispatch
def work(desk, row):
    raise TypeError

@work.register
def _(desk: Desk, row):
    all_in.wait()
    file(row, desk.row)


def main():
    desk = Desk()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(work, desk, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
    ),
    Program(
        "lru_cached",
        """
import functools

@functools.lru_cache
def work(row, desk):
    all_in.wait()
    file(row, desk.row)


def main():
    desk = Desk()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(work, row, desk)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
    ),
    Program(
        "own_pool",
        """
class Pool:
    def __init__(self):
        self.items = queue.Queue()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while (item := self.items.get()) is not None:
            number, function, args = item
            function(*args)

    def submit(self, number, function, *args):
        self.items.put((number, function, args))


def work(row, desk):
    all_in.wait()
    file(row, desk.row)


def main():
    desk, pool = Desk(), Pool()
    for number, row in enumerate(ROWS):
        desk.row = row
        pool.submit(number, work, row, desk)
    pool.items.put(None)
    all_in.set()
    pool.thread.join()
""",
        "Queue.put",
        work="Pool.run",
        context="item.2.1",
    ),
    Program(
        "own_pool_partial",
        """
class Pool:
    def __init__(self):
        self.items = queue.Queue()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while (job := self.items.get()) is not None:
            job()

    def submit(self, function, *args):
        self.items.put(partial(function, *args))


def work(row, desk):
    all_in.wait()
    file(row, desk.row)


def main():
    desk, pool = Desk(), Pool()
    for row in ROWS:
        desk.row = row
        pool.submit(work, row, desk)
    pool.items.put(None)
    all_in.set()
    pool.thread.join()
""",
        "Queue.put",
        work="Pool.run",
        context="item.args.1",
    ),
    Program(
        "own_pool_object",
        """
class Job:
    def __init__(self, function, args):
        self.function, self.args = function, args

    def __call__(self):
        self.function(*self.args)


class Pool:
    def __init__(self):
        self.items = queue.Queue()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while (job := self.items.get()) is not None:
            job()

    def submit(self, function, *args):
        self.items.put(Job(function, args))


def work(row, desk):
    all_in.wait()
    file(row, desk.row)


def main():
    desk, pool = Desk(), Pool()
    for row in ROWS:
        desk.row = row
        pool.submit(work, row, desk)
    pool.items.put(None)
    all_in.set()
    pool.thread.join()
""",
        "Queue.put",
        work="Pool.run",
        context="item.args.1",
    ),
    Program(
        "own_pool_method",
        """
class Shop:
    current_row = None

    def __init__(self):
        self.items = queue.Queue()
        self.thread = threading.Thread(target=run, args=(self.items,))
        self.thread.start()

    def bill(self, row):
        all_in.wait()
        file(row, self.current_row)

    def hand(self, row):
        self.current_row = row
        self.items.put((self.bill, row))

def run(items):
    while (job := items.get()) is not None:
        function, row = job
        function(row)


def main():
    shop = Shop()
    for row in ROWS:
        shop.hand(row)
    shop.items.put(None)
    all_in.set()
    shop.thread.join()
""",
        "Queue.put",
        work="run",
        context="item.0.__self__",
        field="current_row",
    ),
    Program(
        "in_capitals",
        """
DESK = Desk()


def work(row):
    all_in.wait()
    file(row, DESK.row)


def main():
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            DESK.row = row
            pool.submit(work, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="in_capitals:DESK",
    ),
    Program(
        "in_a_dict_in_a_global",
        """
known = {"desk": Desk()}


def work(row):
    all_in.wait()
    file(row, known["desk"].row)


def main():
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            known["desk"].row = row
            pool.submit(work, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="in_a_dict_in_a_global:known.desk",
    ),
    Program(
        "in_a_dict_on_self",
        """
class Shop:
    def __init__(self):
        self.current = {"row": None}

    def bill(self, row):
        all_in.wait()
        file(row, self.current["row"])


def main():
    shop = Shop()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            shop.current["row"] = row
            pool.submit(shop.bill, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        work="Shop.bill",
        context="self",
        field="current.row",
        verdict="exposed",
    ),
    Program(
        "own_pool_by_name",
        """
class Job:
    def __init__(self, call, *args, **named):
        self.call, self.args, self.named = call, args, named

    def run(self):
        self.call(*self.args, **self.named)


def run(items):
    while (job := items.get()) is not None:
        job.run()


def work(row, *, desk):
    all_in.wait()
    file(row, desk.row)


def main():
    items, desk = queue.Queue(), Desk()
    thread = threading.Thread(target=run, args=(items,))
    thread.start()
    for row in ROWS:
        desk.row = row
        items.put(Job(work, row, desk=desk))
    items.put(None)
    all_in.set()
    thread.join()
""",
        "Queue.put",
        work="run",
        context="item.named.desk",
    ),
    Program(
        "called_soon",
        """
def work(row, desk):
    file(row, desk.row)


def main():
    loop, desk = asyncio.new_event_loop(), Desk()
    thread = threading.Thread(target=loop.run_forever)
    for row in ROWS:
        desk.row = row
        loop.call_soon_threadsafe(work, row, desk)
    loop.call_soon_threadsafe(loop.stop)
    thread.start()
    thread.join()
    loop.close()
""",
        "call_soon_threadsafe",
    ),
    Program(
        "called_later",
        """
def work(row, desk):
    file(row, desk.row)


def main():
    loop, desk = asyncio.new_event_loop(), Desk()
    for row in ROWS:
        desk.row = row
        loop.call_later(0, work, row, desk)
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
""",
        "call_later",
    ),
    Program(
        "in_a_context",
        """
def work(row, desk):
    all_in.wait()
    file(row, desk.row)


def main():
    desk = Desk()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(contextvars.copy_context().run, work, row, desk)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
    ),
    Program(
        "a_thread_in_a_context",
        """
def work(row, desk):
    all_in.wait()
    file(row, desk.row)


def main():
    desk, threads = Desk(), []
    for row in ROWS:
        desk.row = row
        threads.append(threading.Thread(target=contextvars.copy_context().run, args=(work, row, desk)))
        threads[-1].start()
    all_in.set()
    for thread in threads:
        thread.join()
""",
        "Thread.start",
    ),
)
"""What is proposed works."""

UNGUARDED: Final = (
    Program(
        "in_a_global",
        """
current_row = None


def work(row):
    all_in.wait()
    file(row, current_row)


def main():
    global current_row
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            current_row = row
            pool.submit(work, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="in_a_global",
        field="current_row",
        verdict="exposed",
    ),
    Program(
        "in_a_global_of_a_helper",
        """
current_row = None


def under():
    return current_row


def work(row):
    all_in.wait()
    file(row, under())


def main():
    global current_row
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            current_row = row
            pool.submit(work, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="in_a_global_of_a_helper",
        field="current_row",
        verdict="exposed",
    ),
    Program(
        "on_a_module",
        """
import office

office.current_row = None


def work(row):
    all_in.wait()
    file(row, office.current_row)


def main():
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            office.current_row = row
            pool.submit(work, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="office",
        field="current_row",
        verdict="exposed",
    ),
    Program(
        "on_a_class",
        """
class Current:
    row = None


def work(row):
    all_in.wait()
    file(row, Current.row)


def main():
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            Current.row = row
            pool.submit(work, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="on_a_class:Current",
        field="row",
        verdict="exposed",
    ),
    Program(
        "on_the_class_of_self",
        """
class Shop:
    current_row = None

    def bill(self, row):
        all_in.wait()
        file(row, self.current_row)


def main():
    shop = Shop()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            Shop.current_row = row
            pool.submit(shop.bill, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        work="Shop.bill",
        context="on_the_class_of_self:Shop",
        field="current_row",
        verdict="exposed",
    ),
    Program(
        "in_a_thread_local",
        """
here = threading.local()


def work(row):
    all_in.wait()
    file(row, getattr(here, "row_id", None))


def main():
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            here.row_id = row
            pool.submit(work, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="in_a_thread_local:here",
        field="row_id",
        verdict="exposed",
    ),
    Program(
        "a_simple_queue",
        """
def serve(items):
    while (item := items.get()) is not None:
        row, desk = item
        all_in.wait()
        file(row, desk.row)


def main():
    desk, items = Desk(), queue.SimpleQueue()
    thread = threading.Thread(target=serve, args=(items,))
    thread.start()
    for row in ROWS:
        desk.row = row
        items.put((row, desk))
    items.put(None)
    all_in.set()
    thread.join()
""",
        "SimpleQueue.put",
        work="serve",
        context="item.1",
    ),
    Program(
        "own_pool_closure",
        """
def run(items):
    while (job := items.get()) is not None:
        job()

def work(row, desk):
    all_in.wait()
    file(row, desk.row)

def main():
    items, desk = queue.Queue(), Desk()
    thread = threading.Thread(target=run, args=(items,))
    thread.start()
    for row in ROWS:
        desk.row = row
        items.put(lambda row=row: work(row, desk))
    items.put(None)
    all_in.set()
    thread.join()
""",
        "Queue.put",
        work="run",
        context="item.__closure__.0.cell_contents",
    ),
    Program(
        "in_a_dict_in_capitals",
        """
CURRENT = {"row": None}


def work(row):
    all_in.wait()
    file(row, CURRENT["row"])


def main():
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            CURRENT["row"] = row
            pool.submit(work, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="in_a_dict_in_capitals:CURRENT",
        verdict="exposed",
    ),
    Program(
        "own_pool_of_dicts",
        """
def run(items):
    while (job := items.get()) is not None:
        work(job["row"], job["info"])


def work(row, info):
    all_in.wait()
    file(row, info["row"])


def main():
    items, info = queue.Queue(), {"row": None}
    thread = threading.Thread(target=run, args=(items,))
    thread.start()
    for row in ROWS:
        info["row"] = row
        items.put({"row": row, "info": info})
    items.put(None)
    all_in.set()
    thread.join()
""",
        "Queue.put",
        work="run",
        context="item.info",
        verdict="exposed",
    ),
    Program(
        "in_a_context_variable",
        """
current = contextvars.ContextVar("current")


def work(row):
    all_in.wait()
    file(row, current.get().row)


def main():
    current.set(Desk())
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            current.get().row = row
            pool.submit(contextvars.copy_context().run, work, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="ContextVar current",
    ),
    Program(
        "by_default_in_a_context_variable",
        """
current = contextvars.ContextVar("current", default=Desk())


async def work(row):
    await asyncio.sleep(0)
    file(row, current.get().row)


async def rows():
    tasks = []
    for row in ROWS:
        current.get().row = row
        tasks.append(asyncio.create_task(work(row)))
    await asyncio.gather(*tasks)


def main():
    asyncio.run(rows())
""",
        "create_task",
        context="ContextVar current",
    ),
    Program(
        "in_a_generator",
        """
def lines(row, desk):
    all_in.wait()
    yield row, desk.row


def work(source):
    for row, under in source:
        file(row, under)


def main():
    desk = Desk()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(work, lines(row, desk))
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="source.gi_frame.desk",
    ),
    Program(
        "in_a_set",
        """
def work(row, current):
    all_in.wait()
    file({row}, set(current))


def main():
    current = set()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            current.clear()
            current.add(row)
            pool.submit(work, row, current)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="current",
        field="0",
        verdict="exposed",
    ),
    Program(
        "in_a_buffer",
        """
def work(row, buffer):
    all_in.wait()
    file(row, bytes(buffer).decode())


def main():
    buffer = bytearray(2)
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            buffer[:] = row.encode()
            pool.submit(work, row, buffer)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="buffer",
        field="content",
        verdict="exposed",
    ),
    Program(
        "in_a_view",
        """
def work(row, view):
    all_in.wait()
    file(row, bytes(view).decode())


def main():
    buffer = bytearray(2)
    view = memoryview(buffer)
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            buffer[:] = row.encode()
            pool.submit(work, row, view)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="view",
        field="content",
        verdict="exposed",
    ),
    Program(
        "on_a_function",
        """
def work(row):
    all_in.wait()
    file(row, work.current_row)


def main():
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            work.current_row = row
            pool.submit(work, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="on_a_function:work",
        field="current_row",
        verdict="exposed",
    ),
    Program(
        "on_another_function",
        """
def under():
    return under.row_id


def work(row):
    all_in.wait()
    file(row, under())


def main():
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            under.row_id = row
            pool.submit(work, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="on_another_function:under",
        field="row_id",
        verdict="exposed",
    ),
    Program(
        "in_the_environment",
        """
import os

def work(row):
    all_in.wait()
    file(row, os.environ["ROW_ID"])


def main():
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            os.environ["ROW_ID"] = row
            pool.submit(work, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="os:environ",
        field="ROW_ID",
        verdict="exposed",
    ),
    Program(
        "behind_a_weakref",
        """
import weakref

def work(row, ref):
    all_in.wait()
    file(row, ref().row)


def main():
    desk = Desk()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(work, row, weakref.ref(desk))
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="ref.()",
        field="row",
        verdict="wrong",
    ),
)
"""No boundary can guard them, and it is said why."""

UNSEEN: Final = (
    Program(
        "a_deque",
        """
import collections


def serve(items, there):
    while True:
        there.acquire()
        row, desk = items.popleft()
        if row is None:
            return
        all_in.wait()
        file(row, desk.row)


def main():
    desk, items, there = Desk(), collections.deque(), threading.Semaphore(0)
    thread = threading.Thread(target=serve, args=(items, there))
    thread.start()
    for row in ROWS:
        desk.row = row
        items.append((row, desk))
        there.release()
    items.append((None, None))
    there.release()
    all_in.set()
    thread.join()
""",
        "Thread.start",
    ),
    Program(
        "too_many",
        """
def work(row, shelf):
    all_in.wait()
    file(row, shelf.places[15].places[15].row)


def main():
    shelf = Desk()
    shelf.places = [Desk() for _ in range(16)]
    for inner in shelf.places:
        inner.places = [Desk() for _ in range(16)]
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            shelf.places[15].places[15].row = row
            pool.submit(work, row, shelf)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
    ),
    Program(
        "too_deep",
        """
def work(row, desk):
    all_in.wait()
    for _ in range(12):
        desk = desk.inner
    file(row, desk.row)


def main():
    first = desk = Desk()
    for _ in range(12):
        desk.inner = Desk()
        desk = desk.inner
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(work, row, first)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
    ),
)
"""Nobody sees it; that is said."""
