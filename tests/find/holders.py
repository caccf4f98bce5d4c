"""Wrong programs whose object is in a container of another kind, or on a class: `find` has to look into it."""

from __future__ import annotations

from typing import Final

from tests.find.programs import Program

HELD: Final = (
    Program(
        "in_a_namedtuple",
        """
from collections import namedtuple

Job = namedtuple("Job", "row desk")


def work(job):
    all_in.wait()
    file(job.row, job.desk.row)


def main():
    desk = Desk()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(work, Job(row, desk))
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="job.1",
        field="row",
    ),
    Program(
        "a_namedtuple_in_a_queue",
        """
from typing import NamedTuple


class Job(NamedTuple):
    row: str
    desk: Desk


def serve(items):
    while (job := items.get()) is not None:
        all_in.wait()
        file(job.row, job.desk.row)


def main():
    items, desk = queue.Queue(), Desk()
    thread = threading.Thread(target=serve, args=(items,))
    thread.start()
    for row in ROWS:
        desk.row = row
        items.put(Job(row, desk))
    items.put(None)
    all_in.set()
    thread.join()
""",
        "Queue.put",
        work="serve",
        context="item.1",
        field="row",
    ),
    Program(
        "in_a_list_of_its_own",
        """
class Batch(list):
    pass


def work(row, batch):
    all_in.wait()
    file(row, batch[0].row)


def main():
    desk = Desk()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(work, row, Batch([desk]))
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="batch.0",
        field="row",
    ),
    Program(
        "in_a_defaultdict",
        """
from collections import defaultdict


def work(row, desks):
    all_in.wait()
    file(row, desks["a"].row)


def main():
    desks = defaultdict(Desk)
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            desks["a"].row = row
            pool.submit(work, row, desks)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="desks",
        field="a.row",
    ),
    Program(
        "an_ordered_dict",
        """
from collections import OrderedDict


def work(row, ctx):
    all_in.wait()
    file(row, ctx["row_id"])


def main():
    ctx = OrderedDict()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            ctx["row_id"] = row
            pool.submit(work, row, ctx)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="ctx",
        field="row_id",
        verdict="exposed",
    ),
    Program(
        "on_the_class",
        """
class View:
    client = Desk()

    def handle(self, row):
        all_in.wait()
        file(row, self.client.row)


def main():
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            View.client.row = row
            pool.submit(View().handle, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        work="View.handle",
        context="self.client",
        field="row",
    ),
    Program(
        "on_the_class_of_a_thread",
        """
class Worker(threading.Thread):
    shared = Desk()

    def __init__(self, row):
        super().__init__()
        self.wanted = row

    def run(self):
        all_in.wait()
        file(self.wanted, self.shared.row)


def main():
    threads = []
    for row in ROWS:
        Worker.shared.row = row
        threads.append(Worker(row))
        threads[-1].start()
    all_in.set()
    for thread in threads:
        thread.join()
""",
        "Thread.start",
        work="Worker.run",
        context="self.shared",
        field="row",
    ),
    Program(
        "a_global_that_a_cache_names",
        """
from functools import lru_cache

DESK = Desk()


@lru_cache
def client():
    return DESK


def work(row):
    all_in.wait()
    file(row, client().row)


def main():
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            DESK.row = row
            pool.submit(work, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="a_global_that_a_cache_names:DESK",
        field="row",
    ),
    Program(
        "the_only_one_of_its_class",
        """
class Settings:
    _instance = None

    @classmethod
    def get(cls):
        if cls._instance is None:
            cls._instance = cls()
        return cls._instance

    def __init__(self):
        self.order_id = None


def work(row):
    all_in.wait()
    file(row, Settings.get().order_id)


def main():
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            Settings.get().order_id = row
            pool.submit(work, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="the_only_one_of_its_class:Settings._instance",
        field="order_id",
    ),
)
"""A boundary guards them."""

HELD_BEHIND: Final = (
    Program(
        "in_a_set_of_objects",
        """
def work(row, desks):
    all_in.wait()
    for desk in desks:
        file(row, desk.row)


def main():
    desk = Desk()
    desks = {desk}
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(work, row, desks)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="desks.()",
        field="row",
    ),
    Program(
        "in_a_mapping_proxy",
        """
from types import MappingProxyType


def work(row, view):
    all_in.wait()
    file(row, view["desk"].row)


def main():
    desk = Desk()
    view = MappingProxyType({"desk": desk})
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(work, row, view)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="view.()",
        field="row",
    ),
    Program(
        "in_a_weak_value_dict",
        """
import weakref


def work(row, docs):
    all_in.wait()
    file(row, docs["now"].row)


def main():
    docs, desk = weakref.WeakValueDictionary(), Desk()
    docs["now"] = desk
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(work, row, docs)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="docs.()",
        field="row",
    ),
    Program(
        "under_a_number",
        """
def work(row, desks):
    all_in.wait()
    file(row, desks[1].row)


def main():
    desks = {1: Desk(), 2: Desk()}
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            desks[1].row = row
            pool.submit(work, row, desks)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="desks.()",
        field="row",
    ),
    Program(
        "for_a_weak_key",
        """
import weakref


class Key:
    pass


def work(row, desks, key):
    all_in.wait()
    file(row, desks[key].row)


def main():
    key, desks = Key(), weakref.WeakKeyDictionary()
    desks[key] = Desk()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            desks[key].row = row
            pool.submit(work, row, desks, key)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="desks.()",
        field="row",
    ),
    Program(
        "what_a_cache_returns",
        """
from functools import lru_cache


class Other:
    name = "x"


@lru_cache(maxsize=1)
def client():
    return Desk()


def work(row, other):
    all_in.wait()
    file(row, client().row)


def main():
    other = Other()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            client().row = row
            pool.submit(work, row, other)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="what_a_cache_returns:client.()",
        field="row",
    ),
    Program(
        "what_an_unbounded_cache_returns",
        """
from functools import cache


@cache
def client(name):
    return Desk()


def work(row):
    all_in.wait()
    file(row, client("a").row)


def main():
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            client("a").row = row
            pool.submit(work, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="what_an_unbounded_cache_returns:client.()",
        field="row",
    ),
    Program(
        "kept_by_a_metaclass",
        """
class Singleton(type):
    _instances = {}

    def __call__(cls, *args):
        if cls not in cls._instances:
            cls._instances[cls] = super().__call__(*args)
        return cls._instances[cls]


class Settings(metaclass=Singleton):
    order_id = None


def work(row):
    all_in.wait()
    file(row, Settings().order_id)


def main():
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            Settings().order_id = row
            pool.submit(work, row)
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
        context="kept_by_a_metaclass:Settings._instances.()",
        field="order_id",
    ),
)
"""None can: no path leads there."""

HELD_RIGHTLY: Final = (
    Program(
        "namedtuple",
        """
from typing import NamedTuple


class Job(NamedTuple):
    row: str
    desk: Desk


def work(job):
    all_in.wait()
    file(job.row, job.row)


def main():
    desk = Desk()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            pool.submit(work, Job(row, desk))
        all_in.set()
""",
        why="Nobody reads what the others share.",
    ),
    Program(
        "class_registry",
        """
class Plugin:
    registry = {}
    current = None

    def __init_subclass__(cls):
        Plugin.registry[cls.__name__] = cls

    def run(self, row):
        file(row, row)


class One(Plugin):
    pass


def main():
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            pool.submit(Plugin.registry["One"]().run, row)
""",
        why="What a class has is the same for all, and stays.",
    ),
    Program(
        "a_cache_by_row",
        """
from functools import cache


@cache
def client(row):
    desk = Desk()
    desk.row = row
    return desk


def work(row):
    all_in.wait()
    file(row, client(row).row)


def main():
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            client(row)
            pool.submit(work, row)
        all_in.set()
""",
        why="Each row's own is returned.",
    ),
    Program(
        "only_one",
        """
class Settings:
    _one = None

    @classmethod
    def get(cls):
        if cls._one is None:
            cls._one = cls()
        return cls._one

    def __init__(self):
        self.rule_id = "rule-1"


def work(row):
    file(row, row if Settings.get().rule_id else None)


def main():
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            pool.submit(work, row)
""",
        why="The only one of its class never moves.",
    ),
    Program(
        "set_of_listeners",
        """
class Listener:
    def __init__(self, row):
        self.row_id = row

    def __call__(self, row):
        file(row, self.row_id)


def work(row, listeners):
    for one in listeners:
        one(row)


def main():
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            pool.submit(work, row, {Listener(row)})
""",
        why="Each row has one of its own.",
    ),
)
"""Each row is filed as it should be, and nothing is to be called wrong."""
