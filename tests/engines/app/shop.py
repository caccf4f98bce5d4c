"""A host whose rows are Celery tasks: it files each row under the id that its context has by then."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from celery import Celery, chain, chord, group, shared_task, signature
from celery.exceptions import Reject
from celery.signals import task_postrun
from kombu.transport import filesystem
from kombu.utils.json import dumps
from opentelemetry import trace

HERE = Path(os.environ["SHOP"])
app = Celery("shop", broker=os.environ.get("SHOP_BROKER", "filesystem://"), backend=os.environ.get("SHOP_BACKEND"))
app.conf.update(
    task_serializer=os.environ.get("SHOP_SERIALIZER", "pickle"),
    accept_content=["json", "pickle"],
    task_ignore_result="SHOP_BACKEND" not in os.environ,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=1,
    result_chord_retry_interval=0.1,
    worker_lost_wait=0.5,
)


def put(channel: Any, queue: str, payload: Any, **_more: Any) -> None:
    """Have a message in the folder when all of it is there: kombu takes one that is just being written, and ends."""
    place = Path(channel.data_folder_out, f"{time.monotonic_ns():020}_{uuid.uuid4()}.{queue}.msg")
    part = place.with_suffix(".part")
    part.write_text(dumps(payload), "utf-8")
    part.rename(place)


if "SHOP_BROKER" not in os.environ:
    filesystem.Channel._put = put
    app.conf.broker_transport_options = {
        "data_folder_in": str(HERE / "broker"),
        "data_folder_out": str(HERE / "broker"),
        "control_folder": str(HERE / "control"),
        "polling_interval": 0.02,
    }


class Desk:
    """What the submitter goes on changing."""

    row: Any = None


def file(row: Any, under: Any) -> None:
    """File `row` under an id: in one write, which appends."""
    line = json.dumps([row, under]) + "\n"
    with (HERE / "filed.jsonl").open("a", encoding="utf-8", buffering=1 << 20) as trail:
        trail.write(line)


@app.task
def bill(row: Any, desk: Any) -> Any:
    """File a row under the id that its desk has."""
    file(row, desk.row)
    return row


@app.task
def plain(row: Any, desk: dict[str, Any]) -> Any:
    """The same of a dict, as JSON has it."""
    file(row, desk["row"])
    return row


@app.task
def follow(_before: Any, row: Any, desk: Any) -> None:
    """The same, as the rest of a chain, or the body of a chord."""
    file(row, desk.row)


@app.task
def named(row: Any, desk: Any) -> None:
    """The same, which is asked for by its name alone."""
    file(row, desk.row)


@shared_task
def shared(row: Any, desk: Any) -> None:
    """The same of whichever app there is."""
    file(row, desk.row)


@app.task
def note(_before: Any, row: Any, desk: Any, memo: Any = "") -> None:
    """The same with one more argument, which may be left out."""
    file(row, desk.row)


@app.task(bind=True)
def own(self: Any, row: Any) -> None:
    """Keep the row on the task, which all threads of a worker share."""
    self.row = row
    time.sleep(0.002)
    file(row, self.row)


@app.task(bind=True, max_retries=3, default_retry_delay=0)
def again(self: Any, row: Any, desk: Any) -> None:
    """Change what it was given, and try again."""
    if self.request.retries == 0:
        desk.row = f"part of {row}"
        raise self.retry(countdown=0)
    file(row, desk.row)


@app.task(autoretry_for=(KeyError,), max_retries=2, default_retry_delay=0)
def stubborn(row: Any, desk: Any) -> None:
    """Fail once; Celery tries again by itself."""
    from celery import current_task

    if current_task.request.retries == 0:
        raise KeyError(row)
    file(row, desk.row)


@app.task(acks_late=True, reject_on_worker_lost=True, ignore_result=True)
def killed(row: Any, desk: Any) -> None:
    """File a row; the worker ends before it has told anybody that it is done."""
    file(row, desk.row)


@task_postrun.connect
def kill(sender: Any = None, **_: Any) -> None:
    """End it once, after the work, as what runs out of memory is ended: its spans were exported by then."""
    mark = HERE / "killed"
    if sender is not None and sender.name == "shop.killed" and not mark.exists():
        mark.touch()
        provider: Any = trace.get_tracer_provider()
        provider.force_flush()
        os.kill(os.getpid(), signal.SIGKILL)


@app.task(bind=True, acks_late=True, max_retries=1, default_retry_delay=0)
def rejected(self: Any, row: Any, desk: Any) -> None:
    """File a row and put its message back, once for each try; there are two."""
    file(row, desk.row)
    mark = HERE / f"rejected-{self.request.retries}"
    if not mark.exists():
        mark.touch()
        raise Reject("put back", requeue=True)
    if not self.request.retries:
        raise self.retry(countdown=0)


def rows(count: int) -> list[str]:
    """The rows of one shape: `by_group.7`."""
    shape = sys._getframe(1).f_code.co_name
    return [f"{shape}.{number}" for number in range(count)]


def by_group(count: int) -> None:
    """Signatures of one desk, all of them published later."""
    desk = Desk()
    made: list[Any] = []
    for row in rows(count):
        desk.row = row
        made.append(bill.s(row, desk))
    group(made).apply_async()


def by_signatures(count: int) -> None:
    """The same, one by one."""
    desk = Desk()
    made: list[Any] = []
    for row in rows(count):
        desk.row = row
        made.append(bill.si(row, desk=desk).set(countdown=0))
    for one in made:
        one.delay()


def by_dicts(count: int) -> None:
    """The same with JSON and dicts."""
    desk: dict[str, Any] = {"row": None}
    made: list[Any] = []
    for row in rows(count):
        desk["row"] = row
        made.append(plain.s(row, desk).set(serializer="json"))
    group(made).apply_async()


def by_chains(count: int) -> None:
    """What follows is serialised with what comes first."""
    desk = Desk()
    made: list[Any] = []
    for row in rows(count):
        desk.row = row
        made.append(chain(bill.si(row, desk), follow.s(row, desk=desk)))
    for one in made:
        one.apply_async()


def by_name(count: int) -> None:
    """Signatures of tasks that Celery has not made yet."""
    desk = Desk()
    made: list[Any] = []
    for number, row in enumerate(rows(count)):
        desk.row = row
        made.append(signature("shop.shared" if number % 2 else "shop.named", args=(row, desk)))
    group(made).apply_async()


def by_links(count: int) -> None:
    """Each is given what the one before it returned, before its own."""
    desk = Desk()
    made: list[Any] = []
    for row in rows(count):
        desk.row = row
        given = (row, desk) if made else (None, row, desk)
        made.append(note.s(*given, "memo") if len(made) % 2 else follow.s(*given))
    chain(*made).apply_async()


def by_notes(count: int) -> None:
    """What is there may be all of it, and is not; each has a desk of its own: nothing is wrong."""
    made: list[Any] = []
    for row in rows(count):
        desk = Desk()
        desk.row = row
        made.append(note.s(*([] if made else [None]), row, desk, "memo"))
    chain(*made).apply_async()


def by_chords(count: int) -> None:
    """And so is the body of a chord."""
    desk = Desk()
    made: list[Any] = []
    for row in rows(count):
        desk.row = row
        made.append(chord([bill.s(row, desk), bill.s(row, desk)], follow.s(row, desk=desk)))
    for one in made:
        one.apply_async()


def by_delay_in_pool(count: int) -> None:
    """Published on another thread."""
    from concurrent.futures import ThreadPoolExecutor

    desk, gate = Desk(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(gate.wait)
        for row in rows(count):
            desk.row = row
            pool.submit(bill.delay, row, desk)
        gate.set()


def by_delay(count: int) -> None:
    """Published at once: nothing is wrong."""
    desk = Desk()
    for row in rows(count):
        desk.row = row
        bill.delay(row, desk)


def by_own(count: int) -> None:
    """The tasks share themselves."""
    for row in rows(count):
        own.delay(row)


def by_retry(count: int) -> None:
    """A task changes its argument and tries again."""
    for row in rows(count):
        desk = Desk()
        desk.row = row
        again.delay(row, desk)


def by_autoretry(count: int) -> None:
    """A task fails, and is tried again: nothing is wrong."""
    for row in rows(count):
        desk = Desk()
        desk.row = row
        stubborn.apply_async((row, desk), countdown=0)


def by_killed(count: int) -> None:
    """A worker is killed when the work is done, and the message is not acknowledged."""
    for row in rows(count):
        desk = Desk()
        desk.row = row
        killed.delay(row, desk)


def by_rejected(count: int) -> None:
    """A task puts its message back, is tried again, and puts that back, too."""
    for row in rows(count):
        desk = Desk()
        desk.row = row
        rejected.delay(row, desk)
