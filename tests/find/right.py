"""Right programs that look like a race: workers that read the newest on purpose, collections, each its own."""

from __future__ import annotations

from typing import Final

from tests.find.programs import Program

RIGHT: Final = (
    Program(
        "stale_searches",
        """
class Search:
    query_id = None

    def __init__(self):
        self.pool, self.shown = ThreadPoolExecutor(1), []

    def type(self, row):
        self.query_id = row
        self.pool.submit(self.look_up, row)

    def look_up(self, row):
        all_in.wait()
        if row != self.query_id:
            return
        self.shown.append(row)


def main():
    search = Search()
    for row in ROWS:
        search.type(row)
    all_in.set()
    search.pool.shutdown()
    file(search.shown, ROWS[-1:])
""",
    ),
    Program(
        "a_generation",
        """
class Cache:
    generation_id = 0

    def __init__(self):
        self.pool, self.known = ThreadPoolExecutor(1), {}

    def refresh(self, row, generation):
        all_in.wait()
        is_stale = generation < self.generation_id
        if is_stale:
            return
        self.known["all"] = row


def main():
    cache = Cache()
    for number, row in enumerate(ROWS):
        cache.generation_id = number
        cache.pool.submit(cache.refresh, row, number)
    all_in.set()
    cache.pool.shutdown()
    file("r6", cache.known["all"])
""",
    ),
    Program(
        "config_reloaded",
        """
class Config:
    tenant_key = "k0"


def work(row, config):
    all_in.wait()
    file((row, "k1"), (row, config.tenant_key))


def main():
    config = Config()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            pool.submit(work, row, config)
            if row == "r3":
                config.tenant_key = "k1"
        all_in.set()
""",
    ),
    Program(
        "a_feed_of_its_own",
        """
class Feed:
    def __init__(self):
        self.quote_id, self.ticks, self.ticked = "q0", queue.SimpleQueue(), queue.SimpleQueue()

    def run(self):
        while (tick := self.ticks.get()) is not None:
            self.quote_id = tick
            self.ticked.put(tick)


def work(row, feed):
    all_in.wait()
    file((row, "q6"), (row, feed.quote_id))


def main():
    feed = Feed()
    thread = threading.Thread(target=feed.run)
    thread.start()
    with ThreadPoolExecutor(1) as pool:
        for number, row in enumerate(ROWS, 1):
            feed.ticks.put(f"q{number}")
            feed.ticked.get()
            pool.submit(work, row, feed)
        all_in.set()
    feed.ticks.put(None)
    thread.join()
""",
    ),
    Program(
        "a_renewed_credential",
        """
class Client:
    access_token = None

    def __init__(self):
        self.pool = ThreadPoolExecutor(1)

    def post(self, row):
        all_in.wait()
        file((row, "token-6"), (row, self.access_token))


def main():
    client = Client()
    for number, row in enumerate(ROWS, 1):
        client.access_token = f"token-{number}"
        client.pool.submit(client.post, row)
    all_in.set()
    client.pool.shutdown()
""",
    ),
    Program(
        "which_is_current",
        """
class Runner:
    job_id = None

    def __init__(self):
        self.pool, self.lock, self.seen = ThreadPoolExecutor(1), threading.Lock(), []

    def tick(self):
        all_in.wait()
        with self.lock:
            self.seen.append(f"now at {self.job_id}")


def main():
    runner = Runner()
    for row in ROWS:
        runner.job_id = row
        runner.pool.submit(runner.tick)
    all_in.set()
    runner.pool.shutdown()
    file({"now at r6"}, set(runner.seen))
""",
    ),
    Program(
        "progress",
        """
class Import:
    current_file = ""

    def __init__(self):
        self.pool, self.done, self.lock = ThreadPoolExecutor(1), 0, threading.Lock()

    def load(self, row):
        all_in.wait()
        with self.lock:
            self.done += 1
            self.line = f"{self.done} done, reading {self.current_file}"
        file(row, row)


def main():
    imports = Import()
    for row in ROWS:
        imports.current_file = f"{row}.csv"
        imports.pool.submit(imports.load, row)
    all_in.set()
    imports.pool.shutdown()
""",
    ),
    Program(
        "round_robin",
        """
class Balancer:
    node = None

    def __init__(self):
        self.pool = ThreadPoolExecutor(1)

    def send(self, row):
        all_in.wait()
        file((row, "node-2"), (row, self.node))


def main():
    balancer = Balancer()
    for number, row in enumerate(ROWS):
        balancer.node = f"node-{number % 3}"
        balancer.pool.submit(balancer.send, row)
    all_in.set()
    balancer.pool.shutdown()
""",
    ),
    Program(
        "between_two_rows",
        """
class Shop:
    phase_id = None

    def __init__(self):
        self.pool = ThreadPoolExecutor(1)

    def bill(self, row):
        all_in.wait()
        file((row, "idle-r6"), (row, self.phase_id))


def main():
    shop = Shop()
    for row in ROWS:
        shop.phase_id = f"busy-{row}"
        shop.pool.submit(shop.bill, row)
        shop.phase_id = f"idle-{row}"
    all_in.set()
    shop.pool.shutdown()
""",
    ),
    Program(
        "a_status_message",
        """
class Shop:
    message = ""

    def __init__(self):
        self.pool = ThreadPoolExecutor(1)

    def bill(self, row):
        all_in.wait()
        file((row, "loading 6 of 6"), (row, self.message))


def main():
    shop = Shop()
    for number, row in enumerate(ROWS, 1):
        shop.message = f"loading {number} of 6"
        shop.pool.submit(shop.bill, row)
    all_in.set()
    shop.pool.shutdown()
""",
    ),
    Program(
        "a_snapshot",
        """
class Snapshot:
    def __init__(self, number):
        self.snapshot_id, self.prices = f"s{number}", {"tea": number}


class Store:
    def __init__(self):
        self.latest, self.pool = Snapshot(0), ThreadPoolExecutor(1)

    def answer(self, row):
        all_in.wait()
        file((row, "s6", 6), (row, self.latest.snapshot_id, self.latest.prices["tea"]))


def main():
    store = Store()
    for number, row in enumerate(ROWS, 1):
        store.latest = Snapshot(number)
        store.pool.submit(store.answer, row)
    all_in.set()
    store.pool.shutdown()
""",
    ),
    Program(
        "wait_for_a_version",
        """
class Log:
    def __init__(self):
        self.offset_id, self.there, self.pool = 0, threading.Condition(), ThreadPoolExecutor(6)

    def append(self, row):
        with self.there:
            self.offset_id = self.offset_id + 1
            self.there.notify_all()
            return self.offset_id

    def read(self, row, wanted):
        with self.there:
            while self.offset_id < wanted + 1:
                self.there.wait()
        file(row, row)


def main():
    log = Log()
    for row in ROWS:
        log.pool.submit(log.read, row, log.append(row))
    log.append(None)
    log.pool.shutdown()
""",
    ),
    Program(
        "a_monitor",
        """
class Crawl:
    url_key = ""

    def __init__(self):
        self.is_over, self.seen = threading.Event(), set()

    def watch(self, name):
        while not self.is_over.wait(0):
            self.seen.add(self.url_key)


def main():
    crawl = Crawl()
    thread = threading.Thread(target=crawl.watch, args=("monitor",))
    thread.start()
    for row in ROWS:
        crawl.url_key = row
        file(row, row)
    crawl.is_over.set()
    thread.join()
""",
    ),
    Program(
        "heartbeats",
        """
class Agent:
    task_id = None

    def __init__(self):
        self.pool, self.beats = ThreadPoolExecutor(1), []

    def beat(self):
        all_in.wait()
        self.beats.append({"alive": True, "task": self.task_id})


def main():
    agent = Agent()
    for row in ROWS:
        agent.task_id = row
        agent.pool.submit(agent.beat)
        file(row, row)
    all_in.set()
    agent.pool.shutdown()
""",
    ),
    Program(
        "a_log_context",
        """
class Request:
    def __init__(self, row):
        self.request_id = row


def work(request):
    all_in.wait()
    file(request.request_id, request.request_id)


def main():
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            pool.submit(work, Request(row))
        all_in.set()
""",
    ),
    Program(
        "reused_from_a_pool_of_objects",
        """
def work(row, desk, free):
    file(row, desk.row)
    free.put(desk)


def main():
    free = queue.Queue()
    for _ in range(2):
        free.put(Desk())
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            desk = free.get()
            desk.row = row
            pool.submit(work, row, desk, free)
""",
    ),
    Program(
        "one_a_thread",
        """
here = threading.local()


def work(row):
    here.row_id = row
    file(row, here.row_id)


def main():
    with ThreadPoolExecutor(3) as pool:
        for row in ROWS:
            pool.submit(work, row)
""",
    ),
    Program(
        "results_by_index",
        """
def work(number, results, row):
    all_in.wait()
    results[number] = f"id-{row}"


def main():
    results = [None] * len(ROWS)
    with ThreadPoolExecutor(3) as pool:
        for number, row in enumerate(ROWS):
            pool.submit(work, number, results, row)
        all_in.set()
    for row, found in zip(ROWS, results):
        file(f"id-{row}", found)
""",
    ),
    Program(
        "results_in_a_list",
        """
def work(row, results):
    all_in.wait()
    results.append(f"id-{row}")


def main():
    results = []
    with ThreadPoolExecutor(3) as pool:
        for row in ROWS:
            pool.submit(work, row, results)
        all_in.set()
    file({f"id-{row}" for row in ROWS}, set(results))
""",
    ),
    Program(
        "a_heap",
        """
import heapq


def work(row, heap):
    all_in.wait()
    file(row, row)


def main():
    heap = []
    with ThreadPoolExecutor(3) as pool:
        for row in reversed(ROWS):
            heapq.heappush(heap, row)
            pool.submit(work, row, heap)
        all_in.set()
""",
    ),
    Program(
        "recent_ones",
        """
def work(row, recent):
    all_in.wait()
    file((row, True), (row, len(recent) == 2))


def main():
    recent = ["", ""]
    with ThreadPoolExecutor(3) as pool:
        for row in ROWS:
            recent.append(row)
            recent.pop(0)
            pool.submit(work, row, recent)
        all_in.set()
""",
    ),
    Program(
        "a_global_counter",
        """
count = 0


def work(row):
    all_in.wait()
    file(row, row if count == len(ROWS) else None)


def main():
    global count
    with ThreadPoolExecutor(3) as pool:
        for row in ROWS:
            count += 1
            pool.submit(work, row)
        all_in.set()
""",
    ),
    Program(
        "a_global_that_is_set_once",
        """
run_id = None


def work(row):
    all_in.wait()
    file((row, "run-1"), (row, run_id))


def main():
    global run_id
    run_id = "run-1"
    with ThreadPoolExecutor(3) as pool:
        for row in ROWS:
            pool.submit(work, row)
        all_in.set()
""",
    ),
    Program(
        "a_global_for_the_main_thread",
        """
current_id = None


def shown():
    return current_id


def work(row):
    all_in.wait()
    file(row, row)


def main():
    global current_id
    with ThreadPoolExecutor(3) as pool:
        for row in ROWS:
            current_id = row
            shown()
            pool.submit(work, row)
        all_in.set()
""",
    ),
    Program(
        "numbered_by_the_class",
        """
class Job:
    last = 0

    def __init__(self, row):
        Job.last += 1
        self.number, self.row = Job.last, row


def work(job):
    all_in.wait()
    file((job.row, True), (job.row, job.number <= Job.last))


def main():
    with ThreadPoolExecutor(3) as pool:
        for row in ROWS:
            pool.submit(work, Job(row))
        all_in.set()
""",
    ),
    Program(
        "a_registry_of_the_class",
        """
class Job:
    jobs = {}

    def __init__(self, row):
        self.row = row
        Job.jobs[row] = self


def work(row):
    all_in.wait()
    file(row, Job.jobs[row].row)


def main():
    with ThreadPoolExecutor(3) as pool:
        for row in ROWS:
            Job(row)
            pool.submit(work, row)
        all_in.set()
""",
    ),
    Program(
        "a_simple_queue_of_its_own_each",
        """
def serve(items):
    while (item := items.get()) is not None:
        row, desk = item
        all_in.wait()
        file(row, desk.row)


def main():
    items = queue.SimpleQueue()
    thread = threading.Thread(target=serve, args=(items,))
    thread.start()
    for row in ROWS:
        desk = Desk()
        desk.row = row
        items.put((row, desk))
    items.put(None)
    all_in.set()
    thread.join()
""",
    ),
    Program(
        "deep_and_never_changed",
        """
class Level:
    def __init__(self, inner):
        self.inner = inner


def work(row, top):
    all_in.wait()
    file((row, "shop-1"), (row, top.inner.inner.inner.inner.inner.row))


def main():
    desk = Desk()
    desk.row = "shop-1"
    top = Level(Level(Level(Level(Level(desk)))))
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            pool.submit(work, row, top)
        all_in.set()
""",
    ),
    Program(
        "a_chain_of_stages",
        """
class Job:
    def __init__(self, row):
        self.row_id, self.stage = row, "new"


def second(job):
    job.stage = "second"
    file(job.row_id, job.row_id)


def first(job, pool):
    job.stage = "first"
    return pool.submit(second, job)


def main():
    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(first, Job(row), pool) for row in ROWS]:
            one.result().result()
""",
    ),
    Program(
        "a_new_id_by_the_worker",
        """
class Job:
    def __init__(self, row):
        self.row, self.trace_id = row, None


def work(job):
    all_in.wait()
    job.trace_id = f"trace-{job.row}"
    file(f"trace-{job.row}", job.trace_id)


def main():
    jobs = [Job(row) for row in ROWS]
    with ThreadPoolExecutor(2) as pool:
        for job in jobs:
            pool.submit(work, job)
        all_in.set()
""",
    ),
    Program(
        "the_leader",
        """
class Cluster:
    leader_id = "n0"

    def __init__(self):
        self.pool = ThreadPoolExecutor(1)

    def send(self, row):
        all_in.wait()
        file((row, "n2"), (row, self.leader_id))


def main():
    cluster = Cluster()
    for number, row in enumerate(ROWS):
        if number in (2, 4):
            cluster.leader_id = f"n{number // 2}"
        cluster.pool.submit(cluster.send, row)
    all_in.set()
    cluster.pool.shutdown()
""",
    ),
    Program(
        "the_end_of_a_chain",
        """
class Chain:
    head_id = "genesis"

    def __init__(self):
        self.lock, self.parents = threading.Lock(), {}


def work(row, chain):
    all_in.wait()
    with chain.lock:
        parent = chain.head_id
        chain.head_id = row
        chain.parents[row] = parent


def main():
    chain = Chain()
    with ThreadPoolExecutor(3) as pool:
        for row in ROWS:
            pool.submit(work, row, chain)
        all_in.set()
    file(len(ROWS), len(set(chain.parents.values())))
""",
    ),
    Program(
        "shown_by_whoever_works",
        """
class Board:
    job_id = None

    def __init__(self):
        self.lock, self.shown, self.all_wrote = threading.Lock(), [], threading.Barrier(3)

    def work(self, row):
        all_in.wait()
        with self.lock:
            self.job_id = row
        self.all_wrote.wait()
        with self.lock:
            self.shown.append(f"now: {self.job_id}")
        file(row, row)


def main():
    board = Board()
    with ThreadPoolExecutor(3) as pool:
        for row in ROWS:
            pool.submit(board.work, row)
        all_in.set()
""",
    ),
    Program(
        "a_session_that_is_renewed",
        """
class Client:
    session_id = "s0"

    def __init__(self):
        self.pool, self.lock = ThreadPoolExecutor(1), threading.Lock()

    def renew(self, number):
        with self.lock:
            self.session_id = f"s{number}"

    def post(self, row):
        all_in.wait()
        with self.lock:
            session = self.session_id
        file((row, "s3"), (row, session))


def main():
    client = Client()
    for number, row in enumerate(ROWS):
        if number % 2 == 0:
            client.renew(1 + number // 2)
        client.pool.submit(client.post, row)
    all_in.set()
    client.pool.shutdown()
""",
    ),
    Program(
        "says_in_its_log",
        """
import logging

log = logging.getLogger("import")
log.addHandler(logging.NullHandler())
log.propagate = False


class Import:
    row_id = None

    def write(self, row):
        all_in.wait()
        log.warning("wrote %s, reading at %s", row, self.row_id)
        file(row, row)


def main():
    one = Import()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            one.row_id = row
            pool.submit(one.write, row)
        all_in.set()
""",
    ),
    Program(
        "a_context_variable_of_another_thread",
        """
current = contextvars.ContextVar("current", default=Desk())


def work(row):
    all_in.wait()
    file(None, current.get().row)


def main():
    current.set(Desk())
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            current.get().row = row
            pool.submit(work, row)
        all_in.set()
""",
    ),
    Program(
        "set_of_seen",
        """
def work(row, seen):
    all_in.wait()
    seen.add(row)
    file(row, row)


def main():
    seen = set()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            pool.submit(work, row, seen)
        all_in.set()
""",
    ),
    Program(
        "counting_function",
        """
def work(row):
    work.calls += 1
    file(row, row)


work.calls = 0

def main():
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            pool.submit(work, row)
""",
    ),
    Program(
        "buffer_each",
        """
def work(row, buffer):
    all_in.wait()
    buffer[:] = row.encode()
    file(row, bytes(buffer).decode())


def main():
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            pool.submit(work, row, bytearray(2))
        all_in.set()
""",
    ),
)
"""Each row is filed as it should be, and nothing is to be called wrong."""
