"""Right programs in which something reads the newest row on purpose: hearts, gauges, bars, watch-dogs, status pages."""

from __future__ import annotations

from typing import Final

from otel_handoff.find.hands import BY_ITS_WORK, FOR_OTHERS, ITSELF
from tests.find.programs import Program

NEWEST: Final = (
    Program(
        "heartbeat_thread",
        """
class Heart:
    def __init__(self, node):
        self.node, self.row_id, self.tick, self.beaten = node, None, threading.Semaphore(0), threading.Semaphore(0)
        self.is_over, self.sent = False, []

    def run(self):
        beat = 0
        while True:
            self.tick.acquire()
            if self.is_over:
                return
            beat += 1
            self.sent.append((self.node, beat, self.row_id))
            self.beaten.release()

    def work(self, row):
        file(row, row)


def main():
    heart = Heart("n1")
    thread = threading.Thread(target=heart.run)
    thread.start()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            heart.row_id = row
            pool.submit(heart.work, row)
            heart.tick.release()
            heart.beaten.acquire()
    heart.is_over = True
    heart.tick.release()
    thread.join()
    file([("n1", n, row) for n, row in enumerate(ROWS, 1)], heart.sent)
""",
        why="A thread that was started once says which row it saw last.",
    ),
    Program(
        "heartbeat_threads_of_nodes",
        """
class State:
    def __init__(self):
        self.row_id, self.is_over, self.there = None, False, threading.Condition()
        self.number, self.told = 0, threading.Semaphore(0)


def beat(node, state, sent):
    seen = 0
    while True:
        with state.there:
            state.there.wait_for(lambda: state.number > seen or state.is_over)
            if state.is_over and state.number == seen:
                return
            seen = state.number
            sent.append((node, state.row_id))
            state.told.release()


def work(row, state):
    file(row, row)


def main():
    state, sent = State(), []
    with ThreadPoolExecutor(2) as pool:
        threads = []
        for number, row in enumerate(ROWS, 1):
            with state.there:
                state.number, state.row_id = number, row
                state.there.notify_all()
            pool.submit(work, row, state)
            if number <= 3:
                threads.append(threading.Thread(target=beat, args=(f"n{number}", state, sent)))
                threads[-1].start()
            for _ in threads:
                state.told.acquire()
    with state.there:
        state.is_over = True
        state.there.notify_all()
    for thread in threads:
        thread.join()
    file(True, ("n1", "r6") in sent)
""",
        why="Each thread says whenever there is a newer one.",
    ),
    Program(
        "relays_that_keep_their_frames",
        """
import sys


class State:
    def __init__(self):
        self.row_id, self.is_over, self.there = None, False, threading.Condition()
        self.number, self.told = 0, threading.Semaphore(0)


def newest(state, kept):
    kept.append(sys._getframe())
    return state.row_id


def relay(node, state, sent):
    kept = []
    seen = 0
    while True:
        with state.there:
            state.there.wait_for(lambda: state.number > seen or state.is_over)
            if state.is_over and state.number == seen:
                return
            seen = state.number
            sent.append((node, newest(state, kept)))
            state.told.release()


def work(row, state):
    file(row, row)


def main():
    state, sent = State(), []
    threads = []
    for number in range(1, 4):
        state.row_id = f"none-{number}"
        threads.append(threading.Thread(target=relay, args=(f"n{number}", state, sent)))
        threads[-1].start()
    with ThreadPoolExecutor(2) as pool:
        for number, row in enumerate(ROWS, 1):
            with state.there:
                state.number, state.row_id = number, row
                state.there.notify_all()
            pool.submit(work, row, state)
            for _ in threads:
                state.told.acquire()
    with state.there:
        state.is_over = True
        state.there.notify_all()
    for thread in threads:
        thread.join()
    file(True, ("n1", "r6") in sent)
""",
        why="The same, by way of a function whose frames are kept, as a debugger does.",
    ),
    Program(
        "heartbeat_timer_chain",
        """
class Agent:
    def __init__(self):
        self.job_id, self.sent, self.gone, self.go = None, [], threading.Semaphore(0), threading.Semaphore(0)

    def publish(self, number):
        self.go.acquire()
        self.sent.append((number, self.job_id))
        self.gone.release()
        if number < 6:
            threading.Timer(0, self.publish, (number + 1,)).start()

    def work(self, row):
        file(row, row)


def main():
    agent = Agent()
    threading.Timer(0, agent.publish, (1,)).start()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            agent.job_id = row
            pool.submit(agent.work, row)
            agent.go.release()
            agent.gone.acquire()
    file([(n, row) for n, row in enumerate(ROWS, 1)], agent.sent)
""",
        why="A timer starts the next one, and says which row is the newest.",
    ),
    Program(
        "heartbeat_call_later_chain",
        """
class Agent:
    def __init__(self):
        self.job_id, self.sent = None, []

    def publish(self, node, number):
        self.sent.append((node, number, self.job_id))
        if number < 6:
            asyncio.get_running_loop().call_later(0, self.publish, node, number + 1)

    async def work(self, row):
        await asyncio.sleep(0)
        file(row, row)


async def run():
    agent, tasks = Agent(), []
    asyncio.get_running_loop().call_soon(agent.publish, "n1", 0)
    for row in ROWS:
        agent.job_id = row
        tasks.append(asyncio.create_task(agent.work(row)))
        while not agent.sent or (agent.sent[-1][2] != row and len(agent.sent) < 7):
            await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert len(agent.sent) >= 6


def main():
    asyncio.run(run())
""",
        why="A loop calls it again and again, as it asks for the next call itself.",
    ),
    Program(
        "ticker_thread_submits_reports",
        """
class State:
    def __init__(self):
        self.row_id, self.is_over = None, False
        self.tick, self.handed, self.go = (threading.Semaphore(0) for _ in range(3))


def publish(number, state, sent):
    state.go.acquire()
    sent.append((number, state.row_id))


def run(state, pool, sent):
    number = 0
    while state.tick.acquire() and not state.is_over:
        number += 1
        pool.submit(publish, number, state, sent)
        state.handed.release()


def work(row, state):
    file(row, row)


def main():
    state, sent = State(), []
    with ThreadPoolExecutor(2) as pool:
        ticker = threading.Thread(target=run, args=(state, pool, sent))
        ticker.start()
        for row in ROWS:
            state.row_id = row
            pool.submit(work, row, state)
            state.tick.release()
            state.handed.acquire()
        state.go.release(6)
        state.is_over = True
        state.tick.release()
        ticker.join()
    file(6, len(sent))
""",
        why="A thread that was started once hands over what says which row is the newest.",
    ),
    Program(
        "status_page_thread_per_request",
        """
import socket


class State:
    def __init__(self):
        self.job_id, self.pages, self.taken, self.go = None, [], threading.Semaphore(0), threading.Semaphore(0)


def page(client, state):
    state.go.acquire()
    state.pages.append((client, state.job_id))


def serve(requests, state):
    threads = []
    while client := requests.recv(1):
        threads.append(threading.Thread(target=page, args=(client, state)))
        threads[-1].start()
        state.taken.release()
    for thread in threads:
        thread.join()


def work(row, state):
    file(row, row)


def main():
    state, (client, requests) = State(), socket.socketpair()
    server = threading.Thread(target=serve, args=(requests, state))
    server.start()
    with ThreadPoolExecutor(1) as pool:
        for number, row in enumerate(ROWS):
            state.job_id = f"starting-{row}"
            client.sendall(b"%d" % number)
            state.taken.acquire()
            state.job_id = row
            pool.submit(work, row, state)
            state.go.release()
    client.close()
    server.join()
    requests.close()
    file(6, len(state.pages))
""",
        why="A page shows what is done now; who asked for it is no row.",
    ),
    Program(
        "metrics_gauge_scraped_by_pool",
        """
class Gauge:
    def __init__(self, read):
        self.read = read


class Import:
    def __init__(self):
        self.batch_id, self.samples, self.is_over = None, [], False
        self.tick, self.handed, self.go = (threading.Semaphore(0) for _ in range(3))
        self.gauges = {"batch": Gauge(lambda: self.batch_id)}

    def load(self, row):
        file(row, row)

    def scrape(self, number):
        self.go.acquire()
        for name, gauge in self.gauges.items():
            self.samples.append((number, name, gauge.read()))


def scraper(one, pool):
    number = 0
    while one.tick.acquire() and not one.is_over:
        number += 1
        pool.submit(one.scrape, number)
        one.handed.release()


def main():
    one = Import()
    with ThreadPoolExecutor(1) as scrapes, ThreadPoolExecutor(2) as pool:
        thread = threading.Thread(target=scraper, args=(one, scrapes))
        thread.start()
        for row in ROWS:
            one.batch_id = row
            pool.submit(one.load, row)
            one.tick.release()
            one.handed.acquire()
            one.batch_id = "after-" + row
            one.go.release()
        one.is_over = True
        one.tick.release()
        thread.join()
    file(6, len(one.samples))
""",
        why="A gauge is read by a function, as it is now.",
    ),
    Program(
        "watchdog_thread_files_stuck",
        """
class Run:
    def __init__(self):
        self.row_id, self.seen, self.alarms, self.is_over = None, threading.Barrier(2), [], False


def watch(name, run):
    before = None
    while True:
        run.seen.wait()
        if run.is_over:
            return
        now = run.row_id
        run.alarms.append((name, before, now))
        before = now
        run.seen.wait()


def work(row, run):
    file(row, row)


def main():
    run = Run()
    dog = threading.Thread(target=watch, args=("dog", run))
    dog.start()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            run.row_id = row
            pool.submit(work, row, run)
            run.seen.wait()
            run.seen.wait()
    run.is_over = True
    run.seen.wait()
    dog.join()
    file(6, len(run.alarms))
""",
        why="A watch-dog says where it stands, and where it stood before.",
    ),
    Program(
        "watchdog_timer_rearmed_per_row",
        """
class Run:
    def __init__(self):
        self.row_id, self.alarms, self.late = None, [], threading.Semaphore(0)
        self.go = threading.Event()

    def watchdog(self, limit):
        self.go.wait()
        self.alarms.append((limit, self.row_id))
        self.late.release()

    def work(self, row):
        file(row, row)


def main():
    run, timers = Run(), []
    for number, row in enumerate(ROWS):
        run.row_id = row
        timers.append(threading.Timer(0, run.watchdog, (number * 10,)))
        timers[-1].start()
        run.work(row)
    run.go.set()
    for timer in timers:
        timer.join()
    file(6, len(run.alarms))
""",
        why="A watch-dog says where it stands when its time is up, whoever armed it.",
    ),
    Program(
        "progress_bar_redrawn_by_timer",
        """
class Bar:
    def __init__(self):
        self.row_id, self.frames, self.go, self.is_over = None, [], threading.Event(), False
        self.tick, self.started = threading.Semaphore(0), threading.Semaphore(0)

    def redraw(self, frame):
        self.go.wait()
        self.frames.append((frame, self.row_id))


class Import:
    def __init__(self, bar):
        self.bar = bar

    def load(self, row):
        file(row, row)


def animate(bar):
    frame = 0
    while bar.tick.acquire() and not bar.is_over:
        frame += 1
        threading.Timer(0, bar.redraw, (frame,)).start()
        bar.started.release()


def main():
    bar = Bar()
    one = Import(bar)
    thread = threading.Thread(target=animate, args=(bar,))
    thread.start()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            bar.row_id = row
            bar.tick.release()
            bar.started.acquire()
            pool.submit(one.load, row)
        bar.is_over = True
        bar.tick.release()
        thread.join()
        bar.go.set()
    for timer in threading.enumerate():
        if isinstance(timer, threading.Timer):
            timer.join()
    file(6, len(bar.frames))
""",
        why="A bar shows what is newest when it is drawn.",
    ),
    Program(
        "progress_task_asyncio",
        """
class Progress:
    row_id = None


async def show(name, progress, lines, tick):
    number = 0
    while True:
        await tick.acquire()
        number += 1
        lines.append((name, number, progress.row_id))


async def work(row, progress):
    await asyncio.sleep(0)
    file(row, row)


async def run():
    progress, lines, tick = Progress(), [], asyncio.Semaphore(0)
    shower = asyncio.create_task(show("bar", progress, lines, tick))
    tasks = []
    for row in ROWS:
        progress.row_id = row
        tasks.append(asyncio.create_task(work(row, progress)))
        tick.release()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    shower.cancel()
    assert lines


def main():
    asyncio.run(run())
""",
        why="A task that was started once shows what is newest.",
    ),
    Program(
        "ticker_task_spawns_reports",
        """
class Progress:
    row_id = None


async def push(number, progress, sent):
    await asyncio.sleep(0)
    sent.append((number, progress.row_id))


async def ticker(progress, sent, tick):
    number = 0
    while True:
        await tick.acquire()
        number += 1
        asyncio.create_task(push(number, progress, sent))


async def work(row, progress):
    await asyncio.sleep(0)
    file(row, row)


async def run():
    progress, sent, tick = Progress(), [], asyncio.Semaphore(0)
    task = asyncio.create_task(ticker(progress, sent, tick))
    tasks = []
    for row in ROWS:
        progress.row_id = row
        tasks.append(asyncio.create_task(work(row, progress)))
        tick.release()
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    assert len(sent) == 6


def main():
    asyncio.run(run())
""",
        why="A task that was started once makes tasks that say which row is the newest.",
    ),
    Program(
        "sched_scheduler_beats",
        """
import sched, time


class Agent:
    def __init__(self):
        self.row_id, self.sent, self.go, self.gone = None, [], threading.Semaphore(0), threading.Semaphore(0)
        self.sched = sched.scheduler(time.monotonic, lambda _: None)

    def publish(self, number):
        self.go.acquire()
        self.sent.append((number, self.row_id))
        self.gone.release()
        if number < 6:
            self.sched.enter(0, 1, self.publish, (number + 1,))

    def work(self, row):
        file(row, row)


def main():
    agent = Agent()
    agent.sched.enter(0, 1, agent.publish, (1,))
    thread = threading.Thread(target=agent.sched.run)
    thread.start()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            agent.row_id = row
            pool.submit(agent.work, row)
            agent.go.release()
            agent.gone.acquire()
    thread.join()
    file(6, len(agent.sent))
""",
        why="A scheduler calls it again and again.",
    ),
    Program(
        "pool_job_resubmits_itself",
        """
class Sampler:
    def __init__(self, pool):
        self.pool, self.order_id, self.seen = pool, None, []
        self.go, self.gone = threading.Semaphore(0), threading.Semaphore(0)

    def sample(self, number):
        self.go.acquire()
        self.seen.append((number, self.order_id))
        if number < 6:
            self.pool.submit(self.sample, number + 1)
        self.gone.release()

    def bill(self, row):
        file(row, row)


def main():
    with ThreadPoolExecutor(1) as background, ThreadPoolExecutor(2) as pool:
        sampler = Sampler(background)
        background.submit(sampler.sample, 1)
        for row in ROWS:
            sampler.order_id = row
            pool.submit(sampler.bill, row)
            sampler.go.release()
            sampler.gone.acquire()
        file(6, len(sampler.seen))
""",
        why="A job of a pool hands itself over again, and takes a sample each time.",
    ),
    Program(
        "loop_heartbeat_from_thread",
        """
class State:
    def __init__(self):
        self.order_id, self.is_over = None, False
        self.tick, self.called = threading.Semaphore(0), threading.Semaphore(0)


def send(node, number, state, sent):
    sent.append((node, number, state.order_id))


def beats(loop, state, sent):
    number = 0
    while state.tick.acquire() and not state.is_over:
        number += 1
        loop.call_soon_threadsafe(send, "n1", number, state, sent)
        state.called.release()


async def work(row, state):
    await asyncio.sleep(0)
    file(row, row)


async def run():
    state, sent, tasks = State(), [], []
    thread = threading.Thread(target=beats, args=(asyncio.get_running_loop(), state, sent))
    thread.start()
    for number, row in enumerate(ROWS, 1):
        state.order_id = "before-" + row
        state.tick.release()
        state.called.acquire()
        state.order_id = row
        tasks.append(asyncio.create_task(work(row, state)))
        while len(sent) < number:
            await asyncio.sleep(0)
    state.is_over = True
    state.tick.release()
    thread.join()
    await asyncio.gather(*tasks)


def main():
    asyncio.run(run())
""",
        why="A thread has a loop say which row is the newest.",
    ),
    Program(
        "latest_cache_read_by_handlers",
        """
import socket


class Cache:
    def __init__(self):
        self.lock, self.document_id, self.answers = threading.Lock(), None, []
        self.asked, self.go = threading.Semaphore(0), threading.Semaphore(0)


def answer(user, cache):
    cache.go.acquire()
    with cache.lock:
        cache.answers.append((user, cache.document_id))


def frontend(users, cache, pool):
    while user := users.recv(1):
        pool.submit(answer, user, cache)
        cache.asked.release()


def index(row, cache):
    file(row, row)


def main():
    cache, (client, users) = Cache(), socket.socketpair()
    with ThreadPoolExecutor(2) as answers, ThreadPoolExecutor(2) as pool:
        thread = threading.Thread(target=frontend, args=(users, cache, answers))
        thread.start()
        for number, row in enumerate(ROWS):
            with cache.lock:
                cache.document_id = row
            pool.submit(index, row, cache)
            client.sendall(b"%d" % number)
            cache.asked.acquire()
            with cache.lock:
                cache.document_id = f"{row}-v2"
            cache.go.release()
        client.close()
        thread.join()
        users.close()
    file(6, len(cache.answers))
""",
        why="Who asks a cache wants what is in it now.",
    ),
    Program(
        "current_page_of_a_server",
        """
import socket


class Board:
    run_id = None


async def page(reader, writer, board, pages, there):
    there.set()
    request = await reader.readline()
    pages.append((request, board.run_id))
    writer.close()


def ask(client, number):
    client.sendall(b"GET %d\\n" % number)
    client.recv(1)
    client.close()


async def work(row, board):
    await asyncio.sleep(0)
    file(row, row)


async def run():
    board, pages, tasks, there = Board(), [], [], asyncio.Event()
    server = await asyncio.start_server(partial(page, board=board, pages=pages, there=there), "127.0.0.1", 0)
    for number, row in enumerate(ROWS):
        board.run_id = f"before-{row}"
        client = await asyncio.to_thread(socket.create_connection, server.sockets[0].getsockname())
        await there.wait()
        there.clear()
        board.run_id = row
        tasks.append(asyncio.create_task(work(row, board)))
        await asyncio.to_thread(ask, client, number)
    await asyncio.gather(*tasks)
    server.close()
    file(ROWS, [row for _, row in pages])


def main():
    asyncio.run(run())
""",
        why="A server answers with what is done now; the program hands none of it over, its library does.",
    ),
    Program(
        "heartbeat_by_method_in_loop",
        """
class Heart(threading.Thread):
    def __init__(self, number, state):
        super().__init__()
        self.number, self.state, self.sent = number, state, []

    def run(self):
        while self.state.tick.get():
            self.beat()
            self.state.done.put(1)

    def beat(self):
        self.sent.append((self.number, self.state.row_id))


class State:
    def __init__(self):
        self.row_id, self.tick, self.done = None, queue.Queue(), queue.Queue()


def work(row, state):
    file(row, row)


def main():
    state, hearts = State(), []
    with ThreadPoolExecutor(1) as pool:
        for number in range(3):
            state.row_id = f"node-{number}"
            hearts.append(Heart(number, state))
            hearts[-1].start()
        for row in ROWS:
            state.row_id = row
            pool.submit(work, row, state)
            for _ in hearts:
                state.tick.put(True)
            for _ in hearts:
                state.done.get()
        for _ in hearts:
            state.tick.put(False)
        for heart in hearts:
            heart.join()
    file(18, sum(len(heart.sent) for heart in hearts))
""",
        why="Each heart says what it sees, by a method of its own.",
    ),
    Program(
        "dashboard_polled_by_main",
        """
class Job:
    def __init__(self):
        self.row_id, self.shown = None, []


def produce(job, steps, seen):
    for row in ROWS:
        steps.acquire()
        job.row_id = row
        seen.release()


def poll(number, job, go):
    go.wait()
    job.shown.append((number, job.row_id))


def main():
    job, steps, seen = Job(), threading.Semaphore(0), threading.Semaphore(0)
    producer = threading.Thread(target=produce, args=(job, steps, seen))
    producer.start()
    with ThreadPoolExecutor(2) as pool:
        for number in range(6):
            go = threading.Event()
            pool.submit(poll, number, job, go)
            steps.release()
            seen.acquire()
            go.set()
    producer.join()
    file(6, len(job.shown))
""",
        why="What a job has come to is asked by another thread.",
    ),
    Program(
        "keepalive_of_a_connection",
        """
class Session:
    def __init__(self):
        self.lock, self.request_id, self.pings, self.is_over = threading.Lock(), None, [], False
        self.tick, self.handed, self.go = (threading.Semaphore(0) for _ in range(3))


def send(session, number):
    session.go.acquire()
    with session.lock:
        session.pings.append({"number": number, "last": session.request_id})


def keep_open(session, pool):
    number = 0
    while session.tick.acquire() and not session.is_over:
        number += 1
        pool.submit(send, session, number)
        session.handed.release()


def call(row, session):
    file(row, row)


def main():
    session = Session()
    with ThreadPoolExecutor(1) as pings, ThreadPoolExecutor(1) as pool:
        thread = threading.Thread(target=keep_open, args=(session, pings), daemon=True)
        thread.start()
        for row in ROWS:
            with session.lock:
                session.request_id = f"pre-{row}"
            session.tick.release()
            session.handed.acquire()
            with session.lock:
                session.request_id = row
            pool.submit(call, row, session)
            session.go.release()
        session.is_over = True
        session.tick.release()
        thread.join()
    file(6, len(session.pings))
""",
        why="A ping says what was asked for last.",
    ),
)
"""Each row is filed as it should be, and nothing is to be called wrong."""

LIKE_IT: Final = (
    Program(
        "one_behind_another",
        """
def note(row, desk):
    pass


def stage(row, desk, pool):
    return pool.submit(work, row, desk)


def work(row, desk):
    all_in.wait()
    file(row, desk.row)


def main():
    desk = Desk()
    with ThreadPoolExecutor(6) as second, ThreadPoolExecutor(1) as first:
        for row in ROWS:
            desk.row = row
            first.submit(note, row, desk)
            first.submit(stage, row, desk, second).result()
        all_in.set()
""",
        "ThreadPoolExecutor.submit",
    ),
    Program(
        "by_a_method_twice",
        """
class Shared(Desk):
    def now(self):
        return self.row


def note(desk):
    pass


def work(row, desk, turn):
    turn.wait()
    first = desk.now()
    turn.wait()
    turn.wait()
    second = desk.now()
    file((row, row), (first, second))


def main():
    desk, turn = Shared(), threading.Barrier(7)
    with ThreadPoolExecutor(8) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(note, desk)
            pool.submit(work, row, desk, turn)
        desk.row = "r7"
        pool.submit(note, desk)
        turn.wait()
        turn.wait()
        desk.row = "r8"
        turn.wait()
""",
        "ThreadPoolExecutor.submit",
    ),
)
"""Wrong ones that look like it: a row is handed on by another's worker, or read at two places."""

MEANT_BECAUSE: Final = {
    "heartbeat_threads_of_nodes": "where it is read, it is read again when it has changed",
    "relays_that_keep_their_frames": "where it is read, it is read again when it has changed",
    "heartbeat_timer_chain": ITSELF,
    "heartbeat_call_later_chain": ITSELF,
    "pool_job_resubmits_itself": ITSELF,
    "watchdog_timer_rearmed_per_row": BY_ITS_WORK,
    **dict.fromkeys(
        (
            "ticker_thread_submits_reports",
            "status_page_thread_per_request",
            "progress_bar_redrawn_by_timer",
            "ticker_task_spawns_reports",
            "loop_heartbeat_from_thread",
            "latest_cache_read_by_handlers",
            "current_page_of_a_server",
            "keepalive_of_a_connection",
        ),
        FOR_OTHERS,
    ),
}
"""Why, where that is no matter of luck."""
