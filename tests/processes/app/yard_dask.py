"""Hands rows to a cluster of Dask: `python yard_dask.py processes 12 by_delayed again`, or `threads`."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import yard
import yard_clerk
import yard_on
from dask.base import compute
from dask.delayed import delayed
from distributed import Client, LocalCluster, Worker, wait

from otel_handoff import HandoffMismatchError
from otel_handoff.around.arriving import flush
from otel_handoff.dask import HandoffPlugin


class OnWorker(HandoffPlugin):
    """With providers of the worker's own."""

    def setup(self, worker: Worker) -> None:
        """Turn it on."""
        if os.getpid() != yard_on.PARENT:
            yard_on.listen("child")
        super().setup(worker)


def rows(shape: str, count: int, desk: Any) -> Iterator[str]:
    """Each row, once the desk is the row's."""
    for number in range(count):
        desk.row = f"{shape}.{number}"
        if isinstance(desk, yard_clerk.Clerk):
            desk.desk.row = desk.row
        else:
            desk.order.id = desk.row
        yield desk.row


def twice(number: int) -> int:
    """What is of the main program is pickled by value: to serialise that takes a second try."""
    return 2 * number


def by_delayed(client: Client, count: int) -> None:
    """Made one by one, and computed together."""
    desk = yard.Desk()
    made = [delayed(yard.work)(row, desk) for row in rows("by_delayed", count, desk)]
    made.append(delayed(twice)(1))
    client.gather(client.compute(made))


def by_name(client: Client, count: int) -> None:
    """Where the id lies below, and all of it is given by name."""
    desk = yard.Desk()
    made = [delayed(yard.deep)(row=row, desk=desk, dask_key_name=f"key-{row}") for row in rows("by_name", count, desk)]
    client.gather(client.compute(made))


def by_method(client: Client, count: int) -> None:
    """In a partial of a method."""
    desk, shop = yard.Desk(), yard.Shop("s")
    made = [delayed(partial(shop.bill, desk=desk), pure=False)(row) for row in rows("by_method", count, desk)]
    client.gather(client.compute(made))


def by_self(client: Client, count: int) -> None:
    """A method of what says which row it is, or of what that is on."""
    clerk, made = yard_clerk.Far(), list[Any]()
    for number, row in enumerate(rows("by_self", count, clerk)):
        made.append(delayed(clerk.post if number % 2 else partial(clerk.bill), pure=False)(row))
    client.gather(client.compute(made))


def by_packed(client: Client, count: int) -> None:
    """In a tuple, a list or a dict."""
    desk, made = yard.Desk(), list[Any]()
    for number, row in enumerate(rows("by_packed", count, desk)):
        ways: Any = (
            (yard.packed, (row, desk)),
            (yard_clerk.listed, [row, desk]),
            (yard_clerk.named, {"row": row, "desk": desk}),
        )
        work, item = ways[number % 3]
        made.append(delayed(work)(item))
    client.gather(client.compute(made))


DESKS: dict[str, Any] = {}


class Late:
    """What takes its time to be serialised: another thread goes on with a desk meanwhile."""

    def __init__(self, row: str) -> None:
        self.row = row

    def __reduce__(self) -> Any:
        thread = threading.Thread(target=setattr, args=(DESKS[self.row], "row", f"{self.row} gone on"))
        thread.start()
        thread.join()
        return str, (self.row,)


def by_late(client: Client, count: int) -> None:
    """Serialised in the call, in which another thread goes on with the object: of a method, and in a tuple."""
    made = list[Any]()
    for number in range(count):
        row, desk = f"by_late.{number}", yard_clerk.Far() if number % 2 else yard.Desk()
        desk.row, DESKS[row] = row, desk
        if isinstance(desk, yard_clerk.Far):
            made.append(client.submit(desk.after, Late(row), pure=False))
        else:
            made += client.map(yard.packed, [(Late(row), desk)], pure=False)
    client.gather(made)


def by_submit(client: Client, count: int) -> None:
    """Serialised in the call: nothing is wrong; and twice the same is one task."""
    desk = yard.Desk()
    made: list[Any] = []
    for row in rows("by_submit", count, desk):
        made.append(client.submit(yard.work, row, desk=desk, pure=False))
        assert client.submit(len, row).key == client.submit(len, row).key
    assert client.gather(made) == [f"by_submit.{number}" for number in range(count)]


def by_map(client: Client, count: int) -> None:
    """Likewise."""
    desks: list[Any] = []
    for number in range(count):
        desks.append(yard.Desk())
        desks[-1].row = f"by_map.{number}"
    client.gather(client.map(yard.work, [desk.row for desk in desks], desks, pure=False))


def by_dict(client: Client, count: int) -> None:
    """A dict, to which nobody sees who writes."""
    desk: dict[str, Any] = {}
    made: list[Any] = []
    for number in range(count):
        desk["row"] = f"by_dict.{number}"
        made.append(delayed(yard.plain)(desk["row"], desk))
    client.gather(client.compute(made))


def by_dict_of(client: Client, count: int) -> None:
    """Of one with another task in it, Dask makes another dict at once: nothing is wrong."""
    desk: dict[str, Any] = {"length": delayed(len)("three")}
    made: list[Any] = []
    for number in range(count):
        desk["row"] = f"by_dict_of.{number}"
        made.append(delayed(yard.plain)(desk["row"], desk))
    client.gather(client.compute(made))


def by_scatter(client: Client, count: int) -> None:
    """Their tasks share one desk, where they are: on one worker, in pairs."""
    desk, there = client.scatter(yard.Desk()), [next(iter(client.scheduler_info()["workers"]))]
    client.gather([client.submit(yard.own, f"by_scatter.{number}", desk, workers=there) for number in range(count)])


def by_threads(_client: Client, count: int) -> None:
    """By Dask's scheduler in this process, which knows nothing of annotations."""
    desk = yard.Desk()
    made = [delayed(yard.work)(row, desk) for row in rows("by_threads", count, desk)]
    compute(*made, scheduler="threads")


def again(client: Client, count: int) -> None:
    """On workers that were started again."""
    client.restart()
    desk = yard.Desk()
    client.gather(client.compute([delayed(yard.work)(row, desk) for row in rows("again", count, desk)]))


def killed(client: Client, _count: int) -> None:
    """A worker is killed; another one does the work."""
    desk = yard.Desk()
    desk.row = "killed.0"
    made = delayed(yard.fatal)(desk.row, desk)
    desk.row = "killed.1"
    client.gather(client.compute(made))


def lost(client: Client, _count: int) -> None:
    """What a task gave is lost with its worker: Dask does it once more."""
    desk = yard.Desk()
    desk.row = "lost.0"
    made = client.submit(yard.work, desk.row, desk, pure=False)
    wait(made)
    client.run(flush)
    there: Any = client.who_has(made)
    [worker] = there[made.key]
    pids: Any = client.run(os.getpid, workers=[worker])
    os.kill(pids[worker], signal.SIGKILL)
    assert made.result(60) == desk.row


def unpicklable(client: Client, count: int) -> None:
    """What cannot be serialised, in the call or when it is computed: whoever does that has the error."""
    for number in range(count):
        desk = yard.Desk()
        desk.row = f"unpicklable.{number}"
        desk.lock = threading.Lock()
        made: Any = delayed(yard.work)(desk.row, desk)
        for send in (partial(client.submit, yard.work, desk.row, desk), partial(client.compute, made)):
            try:
                send()
            except TypeError:
                continue
            raise AssertionError


def refused(client: Client, count: int) -> None:
    """What is worked on wrongly does not come back."""
    desk = yard.Desk()
    made = client.compute([delayed(yard.work)(row, desk) for row in rows("refused", count, desk)])
    done = [one.exception() for one in made]
    assert [isinstance(error, HandoffMismatchError) for error in done] == [True] * (count - 1) + [False]


def watch(client: Any) -> None:
    """Nothing of what is sent needs otel-handoff to be read."""
    send = client._send_to_scheduler

    def sent(message: Any) -> None:
        if message["op"] == "update-graph":
            there = [*map(bytes, message["expr_ser"].frames), pickle.dumps(message["annotations"].data)]
            assert not any(b"otel_handoff" in each for each in there)
        send(message)

    client._send_to_scheduler = sent


def main(kind: str, count: int, shapes: list[str]) -> None:
    """Run some shapes on one cluster."""
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 2, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(processes=kind == "processes", **options) as cluster, Client(cluster) as client:
        if os.environ["YARD_WORKER"] != "off":
            client.register_plugin(OnWorker(yard_on.BOUNDARIES, mode=os.environ["YARD_MODE"], on_mismatch=yard_on.told))
        watch(client)
        for shape in shapes:
            globals()[shape](client, count)


if __name__ == "__main__":
    yard_on.turn_on("parent")
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
    yard_on.turn_off()
