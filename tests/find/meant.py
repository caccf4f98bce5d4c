"""Right programs in which something moves in flight and is read, on purpose or to no harm, and why each is right."""

from __future__ import annotations

from typing import Final

from tests.find.programs import Program

MEANT: Final = (
    Program(
        "live_config_per_row",
        """
class Config:
    def __init__(self):
        self.lock, self.rule_id = threading.Lock(), "rule-0"

    def refresh(self, number):
        with self.lock:
            self.rule_id = f"rule-{number}"

    def current(self):
        with self.lock:
            return self.rule_id


def work(row, config):
    all_in.wait()
    rule = config.current()
    if rule.startswith("rule-"):
        file(row, row)


def main():
    config = Config()
    with ThreadPoolExecutor(2) as pool:
        for number, row in enumerate(ROWS):
            config.refresh(number)
            pool.submit(work, row, config)
        all_in.set()
""",
        why="A worker goes by the rules as they are now.",
    ),
    Program(
        "banner_with_thread_name",
        """
class Import:
    row_id = None

    def load(self, row):
        all_in.wait()
        print(f"[{threading.current_thread().name}] {row} done; reading {self.row_id}")
        file(row, row)


def main():
    one = Import()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            one.row_id = row
            pool.submit(one.load, row)
        all_in.set()
""",
        why="What is read now is only said.",
    ),
    Program(
        "log_by_getlogger",
        """
import logging
logging.getLogger("imp").addHandler(logging.NullHandler())
logging.getLogger("imp").propagate = False

class Import:
    batch_id = None

    def load(self, row):
        all_in.wait()
        logging.getLogger("imp").warning("%s done, at batch %s", row, self.batch_id)
        file(row, row)


def main():
    one = Import()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            one.batch_id = f"b-{row}"
            pool.submit(one.load, row)
        all_in.set()
""",
        why="It is only logged.",
    ),
    Program(
        "log_of_a_local",
        """
import logging
log = logging.getLogger("imp2")
log.addHandler(logging.NullHandler())
log.propagate = False

class Import:
    batch_id = None

    def load(self, row):
        all_in.wait()
        current = self.batch_id
        message = f"{row} done, at batch {current}"
        log.warning(message)
        file(row, row)


def main():
    one = Import()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            one.batch_id = f"b-{row}"
            pool.submit(one.load, row)
        all_in.set()
""",
        why="It is only logged, by way of a variable.",
    ),
    Program(
        "banner_property",
        """
class Import:
    def __init__(self):
        self._lock, self._batch_id = threading.Lock(), None

    @property
    def batch_id(self):
        with self._lock:
            return self._batch_id

    def load(self, row):
        all_in.wait()
        print(row, "done, reading", self.batch_id)
        file(row, row)


def main():
    one = Import()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            with one._lock:
                one._batch_id = f"b-{row}"
            pool.submit(one.load, row)
        all_in.set()
""",
        why="It is only said, by way of a property.",
    ),
    Program(
        "scheduler_snapshot",
        """
class Scheduler:
    def __init__(self):
        self.lock, self.current_job, self.done = threading.Lock(), None, 0

    def snapshot(self):
        with self.lock:
            return {"job": self.current_job, "done": self.done}

    def run(self, job):
        all_in.wait()
        before = self.snapshot()
        with self.lock:
            self.done += 1
        print(f"{job}: {before['done']} done, now at {before['job']}")
        file(job, job)


def main():
    s = Scheduler()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            with s.lock:
                s.current_job = row
            pool.submit(s.run, row)
        all_in.set()
""",
        why="It is only said, by way of a method that takes a snapshot under a lock.",
    ),
    Program(
        "validate_and_retry",
        """
class Slot:
    row_id = None

    def __init__(self):
        self.lock = threading.Lock()


def work(row, slot):
    all_in.wait()
    for _ in range(3):
        with slot.lock:
            seen = slot.row_id
        if seen != row:
            continue
        file(row, seen)
        return
    file(row, row)


def main():
    slot = Slot()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            with slot.lock:
                slot.row_id = row
            pool.submit(work, row, slot)
        all_in.set()
""",
        why="A worker uses it where it is the row's own, and tries again where it is not.",
    ),
    Program(
        "validate_a_pair",
        """
class Slot:
    row_id, payload = None, None

    def __init__(self):
        self.lock = threading.Lock()


def work(row, slot):
    all_in.wait()
    with slot.lock:
        seen, payload = slot.row_id, slot.payload
    if seen == row:
        file((row, payload), (seen, f"p-{row}"))
    else:
        file(row, row)


def main():
    slot = Slot()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            with slot.lock:
                slot.row_id, slot.payload = row, f"p-{row}"
            pool.submit(work, row, slot)
        all_in.set()
""",
        why="A worker uses what stands beside it where it is the row's own.",
    ),
    Program(
        "is_current_getter",
        """
class View:
    def __init__(self):
        self._lock, self._request_id, self.shown = threading.Lock(), None, []

    def newest(self):
        with self._lock:
            return self._request_id

    def ask(self, row):
        with self._lock:
            self._request_id = row

    def answer(self, row):
        all_in.wait()
        if self.newest() == row:
            self.shown.append(row)


def main():
    view = View()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            view.ask(row)
            pool.submit(view.answer, row)
        all_in.set()
    file(["r6"], view.shown)
""",
        why="It is only compared, by way of a method.",
    ),
    Program(
        "assigned_after_start",
        """
def work(row, desk, ready, free):
    ready.wait()
    file(row, desk.row)
    free.put(desk)


def main():
    free = queue.Queue()
    free.put(Desk())
    free.put(Desk())
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            desk, ready = free.get(), threading.Event()
            pool.submit(work, row, desk, ready, free)
            desk.row = row
            ready.set()
""",
        why="The id is set after the hand-over, and the worker waits for it; it is that of its own argument.",
    ),
    Program(
        "late_id_early_back",
        """
class Slot:
    row_id = None


def work(row, slot, ready, back, out):
    ready.wait()
    out.append(slot.row_id)
    back.put(slot)


def main():
    back, out = queue.Queue(), []
    back.put(Slot())
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            slot, ready = back.get(), threading.Event()
            pool.submit(work, len(out), slot, ready, back, out)
            slot.row_id = row
            ready.set()
    file(ROWS, out)
""",
        why="The id is set after the hand-over, and the worker waits for it, for each row.",
    ),
    Program(
        "tenant_switch",
        """
class Connection:
    tenant_id = None

    def __init__(self):
        self.lock = threading.Lock()


def query(tenant, conn):
    all_in.wait()
    with conn.lock:
        if conn.tenant_id != tenant:
            conn.tenant_id = tenant
        file(tenant, conn.tenant_id)


def main():
    conn = Connection()
    with ThreadPoolExecutor(2) as pool:
        for tenant in ("a1", "a1", "b2", "b2", "a1", "a1"):
            with conn.lock:
                conn.tenant_id = "idle-" + tenant
            pool.submit(query, tenant, conn)
        all_in.set()
""",
        why="The worker sets its own under the lock, unless it is there.",
    ),
    Program(
        "lazy_mailbox_pool",
        """
class Pool:
    def __init__(self):
        self.there, self.job_id, self.threads, self.filed = threading.Condition(), None, [], []

    def submit(self, job):
        with self.there:
            self.job_id = job
            self.there.notify_all()
        if len(self.threads) < 3 and job is not None:
            self.threads.append(threading.Thread(target=self.run))
            self.threads[-1].start()
        with self.there:
            while self.job_id is not None:
                self.there.wait()

    def run(self):
        while True:
            with self.there:
                while self.job_id is None:
                    self.there.wait()
                job = self.job_id
                self.job_id = None
                self.there.notify_all()
            if job == "stop":
                return
            self.filed.append((threading.get_ident(), job))


def main():
    pool = Pool()
    for row in ROWS:
        pool.submit(row)
    for _ in pool.threads:
        pool.submit("stop")
    for thread in pool.threads:
        thread.join()
    file(ROWS, [job for _, job in pool.filed])
""",
        why="Each thread takes out what is there, and leaves nothing.",
    ),
    Program(
        "timed_out_attempt_is_stale",
        """
class Job:
    attempt_id, result = None, None

    def __init__(self):
        self.lock = threading.Lock()


def work(job, mine, go):
    go.wait()
    with job.lock:
        current = job.attempt_id
        if current == mine:
            job.result = current


def main():
    go = threading.Event()
    with ThreadPoolExecutor(6) as pool:
        job = Job()
        for row in ROWS:
            with job.lock:
                job.attempt_id = row
            pool.submit(work, job, row, go)
        go.set()
    file("r6", job.result)
""",
        why="An attempt that is not the newest has no say.",
    ),
    Program(
        "stale_message_in_error",
        """
class Stale(Exception):
    pass


class Editor:
    revision_id = None

    def save(self, revision):
        all_in.wait()
        if revision != self.revision_id:
            raise Stale(f"{revision} was superseded by {self.revision_id}")
        file("r6", revision)


def main():
    editor = Editor()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            editor.revision_id = row
            pool.submit(editor.save, row)
        all_in.set()
""",
        why="It is only said, in an error.",
    ),
    Program(
        "progress_write",
        """
import sys, io
out = io.StringIO()

class Crawl:
    url_key = None

    def fetch(self, row):
        all_in.wait()
        out.write(f"{row} fetched; queue is at {self.url_key}\\n")
        file(row, row)


def main():
    crawl = Crawl()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            crawl.url_key = f"https://{row}"
            pool.submit(crawl.fetch, row)
        all_in.set()
""",
        why="It is only said, in a sentence that is written.",
    ),
    Program(
        "progress_helper",
        """
class Crawl:
    page_id = None

    def __init__(self):
        self.lines = []

    def log(self, text):
        self.lines.append(text)

    def fetch(self, row):
        all_in.wait()
        self.log(f"{row} fetched; the queue is at {self.page_id}")
        file(row, row)


def main():
    crawl = Crawl()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            crawl.page_id = row
            pool.submit(crawl.fetch, row)
        all_in.set()
""",
        why="It is only said, by a function that is given a sentence.",
    ),
    Program(
        "progress_stderr",
        """
import sys

class Crawl:
    page_id = None

    def fetch(self, row):
        all_in.wait()
        sys.stderr.write("%s fetched; the queue is at %s\\n" % (row, str(self.page_id)))
        file(row, row)


def main():
    crawl = Crawl()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            crawl.page_id = row
            pool.submit(crawl.fetch, row)
        all_in.set()
""",
        why="It is only said.",
    ),
    Program(
        "work_stealing",
        """
import collections

class Worker:
    def __init__(self, number):
        self.number, self.items, self.task_id, self.lock = number, collections.deque(), None, threading.Lock()


def run(me, others, done):
    all_in.wait()
    while True:
        with me.lock:
            task = me.items.popleft() if me.items else None
        if task is None:
            for other in others:
                if other is not me and other.task_id is not None:
                    with other.lock:
                        task = other.items.pop() if other.items else None
                if task is not None:
                    break
        if task is None:
            me.task_id = None
            return
        me.task_id = task
        done.append(task)
        file(task, me.task_id)


def main():
    workers, done = [Worker(n) for n in range(3)], []
    for n, row in enumerate(ROWS):
        workers[0].items.append(row)
    threads = [threading.Thread(target=run, args=(w, workers, done)) for w in workers]
    for t in threads:
        t.start()
    all_in.set()
    for t in threads:
        t.join()
    file(sorted(ROWS), sorted(done))
""",
        why="A worker looks at the others' tasks, and takes from their deques.",
    ),
    Program(
        "coordinator_reads_status",
        """
class Worker:
    def __init__(self, name):
        self.name, self.task_id = name, None


def work(row, worker, all_done):
    worker.task_id = row
    all_done.wait()
    file(row, row)


def coordinate(tick, workers, table):
    for worker in workers:
        table[tick, worker.name] = worker.task_id


def main():
    workers = [Worker(f"w{n}") for n in range(2)]
    with ThreadPoolExecutor(3) as pool:
        for tick in range(3):
            go, table = threading.Event(), {}
            pending = [pool.submit(work, ROWS[2 * tick + n], worker, go) for n, worker in enumerate(workers)]
            pool.submit(coordinate, tick, workers, table).result()
            go.set()
            for one in pending:
                one.result()
""",
        why="A coordinator tabulates what each worker says of itself.",
    ),
    Program(
        "ack_after_copy",
        """
class Context:
    row_id = None

    def __init__(self):
        self.lock = threading.Lock()


def work(ctx, taken, row):
    with ctx.lock:
        mine = ctx.row_id
    taken.set()
    all_in.wait()
    file(row, mine)


def main():
    ctx = Context()
    with ThreadPoolExecutor(6) as pool:
        for row in ROWS:
            with ctx.lock:
                ctx.row_id = row
            taken = threading.Event()
            pool.submit(work, ctx, taken, row)
            taken.wait()
        all_in.set()
""",
        why="The submitter waits until the worker has its copy.",
    ),
    Program(
        "ack_then_log_newest",
        """
class Context:
    row_id = None

    def __init__(self):
        self.lock = threading.Lock()


def work(ctx, taken, row):
    mine = ctx.row_id
    taken.set()
    all_in.wait()
    print(f"{mine} finished while {ctx.row_id} was the newest; {threading.active_count()} threads")
    file(row, mine)


def main():
    ctx = Context()
    with ThreadPoolExecutor(6) as pool:
        for row in ROWS:
            ctx.row_id = row
            taken = threading.Event()
            pool.submit(work, ctx, taken, row)
            taken.wait()
        all_in.set()
""",
        why="The worker has its copy; the newest is only said.",
    ),
    Program(
        "barrier_rounds_pool",
        """
class Round:
    round_id = None


def work(round, shared, barrier):
    barrier.wait()
    file(round, shared.round_id)


def main():
    shared = Round()
    with ThreadPoolExecutor(3) as pool:
        for row in ROWS:
            barrier = threading.Barrier(4)
            found = [pool.submit(work, row, shared, barrier) for _ in range(3)]
            shared.round_id = row
            barrier.wait()
            for one in found:
                one.result()
""",
        why="The id is set for all of a round, which waits for it.",
    ),
    Program(
        "queue_of_one_and_ack",
        """
def serve(items, acks):
    while (item := items.get()) is not None:
        row, desk = item
        file(row, desk.row)
        acks.put(row)


def main():
    items, acks, desk = queue.Queue(1), queue.Queue(1), Desk()
    thread = threading.Thread(target=serve, args=(items, acks))
    thread.start()
    for row in ROWS:
        desk.row = row
        items.put((row, desk))
        acks.get()
    items.put(None)
    thread.join()
""",
        why="The next is written when the worker is done.",
    ),
    Program(
        "asyncio_before_await",
        """
async def work(row, desk):
    mine = desk.row
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    file(row, mine)


async def rows():
    desk, tasks = Desk(), []
    for row in ROWS:
        desk.row = row
        tasks.append(asyncio.create_task(work(row, desk)))
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)


def main():
    asyncio.run(rows())
""",
        why="The task has read before the loop goes on.",
    ),
    Program(
        "asyncio_lock",
        """
class Session:
    user_id = None


async def work(user, session, lock):
    async with lock:
        session.user_id = user
        await asyncio.sleep(0)
        file(user, session.user_id)


async def rows():
    session, lock = Session(), asyncio.Lock()
    await asyncio.gather(*(work(row, session, lock) for row in ROWS))


def main():
    asyncio.run(rows())
""",
        why="Each task sets its own under a lock.",
    ),
    Program(
        "asyncio_broadcast",
        """
class Room:
    message_id = None

    def __init__(self):
        self.changed = asyncio.Event()


async def client(name, room, seen):
    while room.message_id != "r6":
        await room.changed.wait()
        seen.append(room.message_id)
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def rows():
    room, seen, tasks = Room(), [], []
    for number, row in enumerate(ROWS):
        if number < 3:
            tasks.append(asyncio.create_task(client(f"c{number}", room, seen)))
        room.message_id = row
        room.changed.set()
        await asyncio.sleep(0)
        room.changed.clear()
        await asyncio.sleep(0)
    room.changed.set()
    await asyncio.gather(*tasks)
    file(True, len(seen) >= 3)


def main():
    asyncio.run(rows())
""",
        why="Who listens follows what is said now.",
    ),
    Program(
        "latest_wins_cache",
        """
class Cache:
    def __init__(self):
        self.lock, self.version_id, self.value = threading.Lock(), None, None

    def store(self, version_id, value):
        all_in.wait()
        with self.lock:
            if self.version_id is None or version_id >= self.version_id:
                self.version_id, self.value = version_id, value


def main():
    cache = Cache()
    with ThreadPoolExecutor(3) as pool:
        for row in ROWS:
            pool.submit(cache.store, row, f"v-{row}")
        all_in.set()
    file(("r6", "v-r6"), (cache.version_id, cache.value))
""",
        why="The newest version stays.",
    ),
    Program(
        "feature_flags_object",
        """
class Flags:
    def __init__(self, number):
        self.flag_set_id, self.on = f"flags-{number}", True


class App:
    def __init__(self):
        self.flags = Flags(0)

    def work(self, row):
        all_in.wait()
        flags = self.flags
        file((row, True), (row, flags.on))


def main():
    app = App()
    with ThreadPoolExecutor(3) as pool:
        for number, row in enumerate(ROWS):
            app.flags = Flags(number)
            pool.submit(app.work, row)
        all_in.set()
""",
        why="Of the flags as they are now, none is an id.",
    ),
    Program(
        "model_hot_swap",
        """
class Model:
    def __init__(self, number):
        self.model_id, self.weights = f"m{number}", number


class Server:
    def __init__(self):
        self.lock, self.model = threading.Lock(), Model(0)

    def swap(self, model):
        with self.lock:
            self.model = model

    def predict(self, row):
        all_in.wait()
        with self.lock:
            model = self.model
        file((row, True), (row, model.weights == int(model.model_id[1:])))


def main():
    server = Server()
    with ThreadPoolExecutor(3) as pool:
        for number, row in enumerate(ROWS):
            server.swap(Model(number))
            pool.submit(server.predict, row)
        all_in.set()
""",
        why="The model as it is now answers.",
    ),
    Program(
        "worker_registers",
        """
class Registry:
    def __init__(self):
        self.lock, self.owner_id = threading.Lock(), None

    def acquire(self, row):
        with self.lock:
            if self.owner_id is None:
                self.owner_id = row
                return True
            return False

    def release(self, row):
        with self.lock:
            assert self.owner_id == row
            self.owner_id = None


def work(row, registry):
    all_in.wait()
    while not registry.acquire(row):
        pass
    file(row, registry.owner_id)
    registry.release(row)


def main():
    registry = Registry()
    with ThreadPoolExecutor(3) as pool:
        for row in ROWS:
            pool.submit(work, row, registry)
        all_in.set()
""",
        why="Who owns the lock writes so, and reads it.",
    ),
    Program(
        "superseded_reschedules",
        """
class Debounce:
    def __init__(self):
        self.lock, self.event_id, self.ran = threading.Lock(), None, []

    def fire(self, event_id):
        all_in.wait()
        with self.lock:
            newest = self.event_id
        if newest != event_id:
            self.ran.append((event_id, "dropped for", newest))
            return
        self.ran.append((event_id, "done"))
        file("r6", event_id)


def main():
    d = Debounce()
    with ThreadPoolExecutor(3) as pool:
        for row in ROWS:
            with d.lock:
                d.event_id = row
            pool.submit(d.fire, row)
        all_in.set()
""",
        why="An event that is not the newest is dropped, and it is noted for which.",
    ),
    Program(
        "newest_returned_too",
        """
class Doc:
    def __init__(self):
        self.lock, self.revision_id = threading.Lock(), None

    def save(self, revision_id):
        all_in.wait()
        with self.lock:
            return {"mine": revision_id, "is_current": revision_id == self.revision_id, "current": self.revision_id}


def main():
    doc = Doc()
    with ThreadPoolExecutor(3) as pool:
        found = []
        for row in ROWS:
            with doc.lock:
                doc.revision_id = row
            found.append(pool.submit(doc.save, row))
        all_in.set()
    file(ROWS, [one.result()["mine"] for one in found])
""",
        why="An answer says whether it is the newest, and which is.",
    ),
    Program(
        "closure_banner",
        """
def main():
    current_row = None

    def work(row):
        all_in.wait()
        print(f"{row} done, reading {current_row}")
        file(row, row)

    with ThreadPoolExecutor(2) as pool:
        for current_row in ROWS:
            pool.submit(work, current_row)
        all_in.set()
""",
        why="A variable of the function around it is only said.",
    ),
    Program(
        "closure_latest_request",
        """
def main():
    request_id, shown = None, []

    def answer(row):
        all_in.wait()
        if row == request_id:
            shown.append(row)

    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            request_id = row
            pool.submit(answer, row)
        all_in.set()
    file(["r6"], shown)
""",
        why="A variable of the function around it is only compared.",
    ),
    Program(
        "shared_cursor",
        """
PAGES = {f"p{number}": (f"p{number + 1}" if number < 5 else None, row) for number, row in enumerate(ROWS)}


class Feed:
    def __init__(self):
        self.lock, self.page_id, self.rows = threading.Lock(), "p0", []


def drain(worker, feed):
    all_in.wait()
    while True:
        with feed.lock:
            page = feed.page_id
            if page is None:
                return
            feed.page_id, row = PAGES[page]
            feed.rows.append((worker, page, row))


def main():
    feed = Feed()
    with ThreadPoolExecutor(3) as pool:
        for n in range(3):
            pool.submit(drain, f"w{n}", feed)
        all_in.set()
    file(ROWS, [row for _, _, row in feed.rows])
""",
        why="Each worker takes the next page, and sets on the cursor.",
    ),
    Program(
        "serial_allocator",
        """
class Ledger:
    def __init__(self):
        self.lock, self.serial_id, self.entries = threading.Lock(), 0, {}

    def allocate(self):
        with self.lock:
            mine = self.serial_id
            self.serial_id = mine + 1
            return mine


def work(row, ledger):
    all_in.wait()
    mine = ledger.allocate()
    ledger.entries[row] = mine


def main():
    ledger = Ledger()
    with ThreadPoolExecutor(3) as pool:
        for row in ROWS:
            ledger.entries[f"open-{row}"] = ledger.allocate()
            pool.submit(work, row, ledger)
        all_in.set()
    file(12, len(set(ledger.entries.values())))
""",
        why="Each worker takes the next number, and counts on.",
    ),
    Program(
        "repr_in_log",
        """
import logging
log = logging.getLogger("imp3")
handler = logging.NullHandler()
handler.handle = lambda record: record.getMessage()
log.addHandler(handler)
log.propagate = False

class Import:
    row_id = None

    def __repr__(self):
        return f"<Import at {self.row_id}>"

    def load(self, row):
        all_in.wait()
        log.warning("%s done by %r", row, self)
        file(row, row)


def main():
    one = Import()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            one.row_id = row
            pool.submit(one.load, row)
        all_in.set()
""",
        why="It is only logged, by way of what an object looks like.",
    ),
    Program(
        "newest_config_by_id",
        """
class Settings:
    def __init__(self):
        self.config_id, self.configs = "c0", {"c0": 0}

    def publish(self, number):
        self.configs[f"c{number}"] = number
        self.config_id = f"c{number}"


def work(row, settings, results):
    all_in.wait()
    results[row] = settings.configs[settings.config_id] > 0


def main():
    settings, results = Settings(), {}
    with ThreadPoolExecutor(3) as pool:
        for number, row in enumerate(ROWS, 1):
            settings.publish(number)
            pool.submit(work, row, settings, results)
        all_in.set()
    file({True}, set(results.values()))
""",
        why="A worker goes by the configuration as it is now.",
    ),
    Program(
        "model_by_id",
        """
class Registry:
    model_id = "m0"

def predict(row, registry, out):
    all_in.wait()
    out[row] = {"answer": row.upper(), "model": registry.model_id}


def main():
    registry, out = Registry(), {}
    with ThreadPoolExecutor(3) as pool:
        for number, row in enumerate(ROWS, 1):
            registry.model_id = f"m{number}"
            pool.submit(predict, row, registry, out)
        all_in.set()
    file({"m6"}, {one["model"] for one in out.values()})
""",
        why="An answer says which model gave it.",
    ),
    Program(
        "process_that_never_reads",
        """
class Options:
    row_id = None
    factor = 2


def work(row, options):
    return row * options.factor


def main():
    options, found = Options(), []
    with ProcessPoolExecutor(1) as pool:
        for row in ROWS:
            options.row_id = row
            found.append(pool.submit(work, row, options))
        for row, one in zip(ROWS, found):
            file(row * 2, one.result())
""",
        why="The worker in another process has the object, and does not read the id.",
    ),
    Program(
        "process_that_logs",
        """
class Options:
    row_id = None


def work(row, options):
    print(row, "done; at", options.row_id)
    return row


def main():
    options, found = Options(), []
    with ProcessPoolExecutor(1) as pool:
        for row in ROWS:
            options.row_id = row
            found.append(pool.submit(work, row, options))
        for row, one in zip(ROWS, found):
            file(row, one.result())
""",
        why="The worker in another process only says it.",
    ),
    Program(
        "say_helper",
        """
lock = threading.Lock()

def say(*words):
    with lock:
        print(*words)


class Crawl:
    url_key = None

    def fetch(self, row):
        all_in.wait()
        say(row, "fetched; the queue is at", self.url_key)
        file(row, row)


def main():
    crawl = Crawl()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            crawl.url_key = row
            pool.submit(crawl.fetch, row)
        all_in.set()
""",
        why="It is only said, by a function that says it.",
    ),
    Program(
        "condition_turns_each_set",
        """
class Turn:
    def __init__(self):
        self.there, self.row_id = threading.Condition(), None

    def my_turn(self, row):
        return self.row_id == row


def work(row, turn):
    with turn.there:
        turn.there.wait_for(lambda: turn.my_turn(row))
        file(row, turn.row_id)


def main():
    turn = Turn()
    with ThreadPoolExecutor(6) as pool:
        found = []
        for row in ROWS:
            with turn.there:
                turn.row_id = f"open-{row}"
            found.append(pool.submit(work, row, turn))
        for row, one in zip(ROWS, found):
            with turn.there:
                turn.row_id = row
                turn.there.notify_all()
            one.result()
""",
        why="A worker waits for its turn.",
    ),
    Program(
        "rewritten_after_as_completed",
        """
from concurrent.futures import as_completed

class Batch:
    batch_id = None


def work(part, batch):
    file(part[0], batch.batch_id)


def main():
    batch = Batch()
    with ThreadPoolExecutor(3) as pool:
        for row in ROWS:
            batch.batch_id = row
            for one in as_completed([pool.submit(work, (row, n), batch) for n in range(3)]):
                one.result()
""",
        why="The next is written when all workers are done.",
    ),
    Program(
        "gathered_in_turn",
        """
class Batch:
    batch_id = None


async def work(row, batch):
    await asyncio.sleep(0)
    file(row, batch.batch_id)


async def rows():
    batch = Batch()
    for row in ROWS:
        batch.batch_id = row
        await asyncio.gather(*(work(row, batch) for _ in range(3)))


def main():
    asyncio.run(rows())
""",
        why="The next is written when all tasks are done.",
    ),
    Program(
        "ack_then_reuse_pool_of_two",
        """
class Slot:
    row_id = None


def work(slot, back):
    mine = slot.row_id
    back.put(slot)
    all_in.wait()
    done.append(mine)

done = []

def main():
    back = queue.Queue()
    back.put(Slot())
    back.put(Slot())
    with ThreadPoolExecutor(6) as pool:
        for row in ROWS:
            slot = back.get()
            slot.row_id = row
            pool.submit(work, slot, back)
        all_in.set()
    file(sorted(ROWS), sorted(done))
""",
        why="A slot goes back when the worker has its copy.",
    ),
    Program(
        "round_robin_connection",
        """
class Balancer:
    connection_id = None


def work(row, balancer, out):
    all_in.wait()
    out[row] = balancer.connection_id


def main():
    balancer, out = Balancer(), {}
    with ThreadPoolExecutor(2) as pool:
        for number, row in enumerate(ROWS):
            balancer.connection_id = f"c{number % 2}"
            pool.submit(work, row, balancer, out)
        all_in.set()
    file(6, len(out))
""",
        why="Connections go round.",
    ),
    Program(
        "double_checked_load",
        """
class Store:
    def __init__(self):
        self.lock, self.tenant_id, self.data = threading.Lock(), None, None

    def open(self, tenant):
        if self.tenant_id == tenant:
            return self.data
        with self.lock:
            if self.tenant_id != tenant:
                self.data = f"data of {tenant}"
                self.tenant_id = tenant
            return f"data of {self.tenant_id}"


def work(tenant, store):
    all_in.wait()
    with guard:
        file(f"data of {tenant}", store.open(tenant))

guard = threading.Lock()

def main():
    store = Store()
    with ThreadPoolExecutor(3) as pool:
        for number, row in enumerate(ROWS):
            with guard:
                store.open(f"warm-{row}")
            pool.submit(work, f"t{number // 2}", store)
        all_in.set()
""",
        why="A worker loads its own unless it is there, under a lock.",
    ),
    Program(
        "dataclass_snapshot",
        """
from dataclasses import dataclass, replace

@dataclass(frozen=True)
class State:
    job_id: str
    done: int


class Board:
    def __init__(self):
        self.state = State("none", 0)


def work(row, board):
    all_in.wait()
    state = board.state
    print(f"{row}: {state.done} done before, now at {state.job_id}")
    file(row, row)


def main():
    board = Board()
    with ThreadPoolExecutor(2) as pool:
        for number, row in enumerate(ROWS):
            board.state = replace(board.state, job_id=row, done=number)
            pool.submit(work, row, board)
        all_in.set()
""",
        why="A snapshot that is replaced as a whole is only said.",
    ),
    Program(
        "event_stream_followed",
        """
class Stream:
    def __init__(self):
        self.there, self.event_id, self.is_over = threading.Condition(), None, False


def follow(name, stream, seen):
    last = None
    with stream.there:
        while not stream.is_over:
            if stream.event_id != last:
                last = stream.event_id
                seen.append((name, last))
            stream.there.wait(0.01)


def main():
    stream, seen, threads = Stream(), [], []
    for number, row in enumerate(ROWS):
        with stream.there:
            stream.event_id = row
            stream.there.notify_all()
        threads.append(threading.Thread(target=follow, args=(f"f{number}", stream, seen)))
        threads[-1].start()
    with stream.there:
        stream.is_over = True
        stream.there.notify_all()
    for thread in threads:
        thread.join()
    file(True, True)
""",
        why="Who follows takes each once, when it has changed.",
    ),
    Program(
        "tqdm_like",
        """
class Bar:
    def __init__(self):
        self.text = ""

    def set_description(self, text):
        self.text = text


class Import:
    def __init__(self):
        self.bar, self.batch_id = Bar(), None

    def load(self, row):
        all_in.wait()
        self.bar.set_description(f"{row} (batch {self.batch_id})")
        file(row, row)


def main():
    one = Import()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            one.batch_id = f"b{row}"
            pool.submit(one.load, row)
        all_in.set()
""",
        why="It is only said, by a bar.",
    ),
    Program(
        "timing_line",
        """
import time

class Import:
    def __init__(self):
        self.batch_id = None

    def load(self, row):
        all_in.wait()
        start = time.perf_counter()
        file(row, row)
        elapsed = time.perf_counter() - start
        info = {"row": row, "elapsed": elapsed, "batch": self.batch_id}
        print("done", info)


def main():
    one = Import()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            one.batch_id = f"b{row}"
            pool.submit(one.load, row)
        all_in.set()
""",
        why="It is only said, in a dict.",
    ),
)
"""Each row is filed as it should be, and nothing is to be called wrong."""
