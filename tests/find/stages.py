"""Programs in several stages: a worker hands on what it was given, or its own, and goes on changing it."""

from __future__ import annotations

from typing import Final

from tests.find.programs import Program

STAGES: Final = (
    Program(
        "context_of_stage_queue_to_queue",
        """
class Stage:
    row_id = None


def first(items, parcels, stage):
    while (row := items.get()) is not None:
        stage.row_id = row
        parcels.put((row, stage))
    parcels.put(None)


def second(parcels):
    while (item := parcels.get()) is not None:
        row, stage = item
        all_in.wait()
        file(row, stage.row_id)


def main():
    items, parcels = queue.Queue(), queue.Queue()
    threads = [threading.Thread(target=first, args=(items, parcels, Stage()))]
    threads.append(threading.Thread(target=second, args=(parcels,)))
    for t in threads:
        t.start()
    for row in ROWS:
        items.put(row)
    items.put(None)
    threads[0].join()
    all_in.set()
    threads[1].join()
""",
        work="second",
        context="item.1",
        field="row_id",
        verdict="wrong",
    ),
    Program(
        "reused_item_two_stage",
        """
class Parcel:
    row_id = None


def first(row, parcel, two, found):
    parcel.row_id = row
    found.append(two.submit(second, row, parcel))


def second(row, parcel):
    all_in.wait()
    file(row, parcel.row_id)


def main():
    found, parcel = [], Parcel()
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as two:
        for row in ROWS:
            one.submit(first, row, parcel, two, found).result()
        all_in.set()
""",
        work="second",
        context="parcel",
        field="row_id",
        verdict="wrong",
    ),
    Program(
        "asyncio_chain_shared",
        """
async def one(a, b, desk):
    while (row := await a.get()) is not None:
        desk.row = row
        await b.put((row, desk))
    await b.put(None)


async def two(b):
    while (item := await b.get()) is not None:
        row, desk = item
        await asyncio.sleep(0)
        file(row, desk.row)


async def rows():
    a, b = asyncio.Queue(), asyncio.Queue()
    tasks = [asyncio.create_task(one(a, b, Desk())), asyncio.create_task(two(b))]
    for row in ROWS:
        await a.put(row)
    await a.put(None)
    await asyncio.gather(*tasks)


def main():
    asyncio.run(rows())
""",
        work="two",
        context="item.1",
        field="row",
        verdict="wrong",
    ),
    Program(
        "same_item_to_second_pool",
        """
class Item:
    def __init__(self, row):
        self.row, self.stage_id = row, "new"


def second(item):
    all_in.wait()
    file(f"{item.row}-first", item.stage_id)


def first(item, two, found):
    item.stage_id = f"{item.row}-first"
    found.append(two.submit(second, item))
    item.stage_id = f"{item.row}-over"


def main():
    found = []
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(2) as two:
        for row in ROWS:
            one.submit(first, Item(row), two, found).result()
        all_in.set()
""",
        work="second",
        context="item",
        field="stage_id",
        verdict="exposed",
    ),
    Program(
        "same_item_queue_to_queue",
        """
class Item:
    def __init__(self, row):
        self.row, self.parcel_id = row, None


def pack(items, parcels):
    while (item := items.get()) is not None:
        item.parcel_id = f"parcel-{item.row}"
        parcels.put(item)
        item.parcel_id = f"packed-{item.row}"
    parcels.put(None)


def ship(parcels):
    while (item := parcels.get()) is not None:
        all_in.wait()
        file(f"parcel-{item.row}", item.parcel_id)


def main():
    items, parcels = queue.Queue(), queue.Queue()
    threads = [threading.Thread(target=pack, args=(items, parcels)), threading.Thread(target=ship, args=(parcels,))]
    for t in threads:
        t.start()
    for row in ROWS:
        items.put(Item(row))
    items.put(None)
    threads[0].join()
    all_in.set()
    threads[1].join()
""",
        work="ship",
        context="item",
        field="parcel_id",
        verdict="exposed",
    ),
    Program(
        "asyncio_chain",
        """
class Item:
    def __init__(self, row):
        self.row, self.step_id = row, None


async def one(a, b):
    while (item := await a.get()) is not None:
        item.step_id = f"one-{item.row}"
        await b.put(item)
        item.step_id = f"done-{item.row}"
    await b.put(None)


async def two(b):
    while (item := await b.get()) is not None:
        file(f"one-{item.row}", item.step_id)


async def rows():
    a, b = asyncio.Queue(), asyncio.Queue()
    tasks = [asyncio.create_task(one(a, b)), asyncio.create_task(two(b))]
    for row in ROWS:
        await a.put(Item(row))
    await a.put(None)
    await asyncio.gather(*tasks)


def main():
    asyncio.run(rows())
""",
        work="two",
        context="item",
        field="step_id",
        verdict="exposed",
    ),
    Program(
        "done_callback_hands_on",
        """
class Item:
    def __init__(self, row):
        self.row, self.receipt_id = row, None


def bill(item):
    item.receipt_id = f"bill-{item.row}"
    return item


def mail(item):
    all_in.wait()
    file(f"bill-{item.row}", item.receipt_id)


def main():
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(2) as two:
        def hand_on(future):
            item = future.result()
            two.submit(mail, item)
            item.receipt_id = f"mail-{item.row}"

        for row in ROWS:
            one.submit(bill, Item(row)).add_done_callback(hand_on)
        one.shutdown()
        all_in.set()
""",
        work="mail",
        context="item",
        field="receipt_id",
        verdict="exposed",
    ),
    Program(
        "worker_resubmits_itself",
        """
class Job:
    def __init__(self, row):
        self.row, self.step_id = row, f"{row}-0"


def work(job, step, pool, done):
    if step == 0:
        job.step_id = f"{job.row}-1"
        pool.submit(work, job, 1, pool, done)
        job.step_id = f"{job.row}-2"
        done.release()
    else:
        all_in.wait()
        file(f"{job.row}-1", job.step_id)


def main():
    done = threading.Semaphore(0)
    with ThreadPoolExecutor(8) as pool:
        for row in ROWS:
            pool.submit(work, Job(row), 0, pool, done)
            done.acquire()
        all_in.set()
""",
        work="work",
        context="job",
        field="step_id",
        verdict="exposed",
    ),
    Program(
        "three_stages_context",
        """
class Ctx:
    row_id, node_id = None, None


def third(row, node, ctx):
    all_in.wait()
    file((row, node), (ctx.row_id, ctx.node_id))


def second(row, ctx, three):
    ctx.node_id = "enrich"
    three.submit(third, row, "enrich", ctx)
    ctx.node_id = "write"


def first(row, two, three):
    ctx = Ctx()
    ctx.row_id = row
    ctx.node_id = "read"
    two.submit(second, row, ctx, three).result()


def main():
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as two, ThreadPoolExecutor(1) as three:
        for row in ROWS:
            one.submit(first, row, two, three).result()
        all_in.set()
""",
        work="third",
        context="ctx",
        field="node_id",
        verdict="exposed",
    ),
    Program(
        "simple_queue_chain",
        """
class Item:
    def __init__(self, row):
        self.row, self.parcel_id = row, None


def pack(items, parcels):
    while (item := items.get()) is not None:
        item.parcel_id = f"parcel-{item.row}"
        parcels.put(item)
        item.parcel_id = f"packed-{item.row}"
    parcels.put(None)


def ship(parcels):
    while (item := parcels.get()) is not None:
        all_in.wait()
        file(f"parcel-{item.row}", item.parcel_id)


def main():
    items, parcels = queue.SimpleQueue(), queue.SimpleQueue()
    threads = [threading.Thread(target=pack, args=(items, parcels)), threading.Thread(target=ship, args=(parcels,))]
    for t in threads:
        t.start()
    for row in ROWS:
        items.put(Item(row))
    items.put(None)
    threads[0].join()
    all_in.set()
    threads[1].join()
""",
        work="ship",
        context="item",
        field="parcel_id",
        verdict="exposed",
    ),
    Program(
        "dict_chain",
        """
def pack(items, parcels):
    while (item := items.get()) is not None:
        item["parcel_id"] = f"parcel-{item['row']}"
        parcels.put(item)
        item["parcel_id"] = f"packed-{item['row']}"
    parcels.put(None)


def ship(parcels):
    while (item := parcels.get()) is not None:
        all_in.wait()
        file(f"parcel-{item['row']}", item["parcel_id"])


def main():
    items, parcels = queue.Queue(), queue.Queue()
    threads = [threading.Thread(target=pack, args=(items, parcels)), threading.Thread(target=ship, args=(parcels,))]
    for t in threads:
        t.start()
    for row in ROWS:
        items.put({"row": row})
    items.put(None)
    threads[0].join()
    all_in.set()
    threads[1].join()
""",
        work="ship",
        context="item",
        field="parcel_id",
        verdict="exposed",
    ),
    Program(
        "stage_text",
        """
class Item:
    def __init__(self, row):
        self.row, self.stage = row, "new"


def second(item):
    all_in.wait()
    file("first", item.stage)


def first(item, two, found):
    item.stage = "first"
    found.append(two.submit(second, item))
    item.stage = "over"


def main():
    found = []
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(2) as two:
        for row in ROWS:
            one.submit(first, Item(row), two, found).result()
        all_in.set()
""",
        work="second",
        context="item",
        field="stage",
        verdict="exposed",
    ),
    Program(
        "payload_replaced",
        """
class Item:
    def __init__(self, row):
        self.row, self.text = row, f"raw {row}"


def second(item):
    all_in.wait()
    file(f"clean {item.row}", item.text)


def first(item, two, found):
    item.text = f"clean {item.row}"
    found.append(two.submit(second, item))
    item.text = ""


def main():
    found = []
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(2) as two:
        for row in ROWS:
            one.submit(first, Item(row), two, found).result()
        all_in.set()
""",
        work="second",
        context="item",
        field="text",
        verdict="exposed",
    ),
    Program(
        "dict_pool_to_pool",
        """
def second(item):
    all_in.wait()
    file(f"a-{item['row']}", item["step_id"])


def first(item, two, found):
    item["step_id"] = f"a-{item['row']}"
    found.append(two.submit(second, item))
    item["step_id"] = f"b-{item['row']}"


def main():
    found = []
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as two:
        two.submit(all_in.wait)
        for row in ROWS:
            one.submit(first, {"row": row}, two, found).result()
        all_in.set()
""",
        work="second",
        context="item",
        field="step_id",
        verdict="exposed",
    ),
    Program(
        "asyncio_dict_chain",
        """
async def one(a, b):
    while (item := await a.get()) is not None:
        item["step_id"] = f"one-{item['row']}"
        await b.put(item)
        item["step_id"] = f"done-{item['row']}"
    await b.put(None)


async def two(b):
    while (item := await b.get()) is not None:
        file(f"one-{item['row']}", item["step_id"])


async def rows():
    a, b = asyncio.Queue(), asyncio.Queue()
    tasks = [asyncio.create_task(one(a, b)), asyncio.create_task(two(b))]
    for row in ROWS:
        await a.put({"row": row})
    await a.put(None)
    await asyncio.gather(*tasks)


def main():
    asyncio.run(rows())
""",
        work="two",
        context="item",
        field="step_id",
        verdict="exposed",
    ),
    Program(
        "executor_then_queue",
        """
class Item:
    def __init__(self, row):
        self.row, self.ticket_id = row, None


def stage(item, out):
    item.ticket_id = f"t-{item.row}"
    out.put((item.row, item))
    item.ticket_id = None


def main():
    out = queue.Queue()
    with ThreadPoolExecutor(2) as pool:
        for row in ROWS:
            pool.submit(stage, Item(row), out)
    for _ in ROWS:
        row, item = out.get()
        file(f"t-{row}", item.ticket_id)
""",
        work="main",
        context="item.1",
        field="ticket_id",
        verdict="exposed",
    ),
)
"""The race is real in each of them, whenever it runs."""
