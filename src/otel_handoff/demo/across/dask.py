"""Tasks of Dask, and a cluster of one worker in a process of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final, NamedTuple

from dask.delayed import delayed  # pyright: ignore[reportUnknownVariableType]
from distributed import Client, LocalCluster, Worker, WorkerPlugin, as_completed

from otel_handoff.demo.across import work
from otel_handoff.demo.across.declared import boundary
from otel_handoff.demo.across.place import Place
from otel_handoff.demo.pipeline.context import PluginContext
from otel_handoff.demo.watched import instrumented
from otel_handoff.instrumentor import HandoffInstrumentor
from otel_handoff.record.mismatch import Mismatch

BOUNDARY: Final = boundary("otel_handoff.demo.across.work:analyse")

_mismatches: list[Mismatch] = []


class Begins(WorkerPlugin):
    """Sets up a worker: its desk, and otel-handoff with providers of its own.

    A user's worker has providers by other means, and `otel_handoff.dask.HandoffPlugin`.
    """

    name = "otel-handoff-demo"

    def __init__(self, place: Place) -> None:
        """Take what both processes need to know."""
        self._place = place

    def setup(self, worker: Worker) -> None:  # noqa: ARG002
        """Begin to work."""
        self._stack = ExitStack()
        place = self._place
        if place.mode != "off":
            watched = instrumented(
                HandoffInstrumentor(), place.mode, place.traces, _mismatches.append, boundaries=[BOUNDARY]
            )
            self._stack.enter_context(watched)
        work.sit_down(place.database, place.url)
        self._stack.callback(work.get_up)

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002
        """Work no more."""
        self._stack.close()


def _taken() -> list[Mismatch]:
    # Of the worker's process.
    taken = _mismatches[:]
    _mismatches.clear()
    return taken


class Made(NamedTuple):
    """A task, and the row that it is for."""

    row_id: object
    task: Any


@contextmanager
def running(place: Place, told: Callable[[Any], object]) -> Generator[Running]:
    """Have a cluster.

    Args:
        place: where.
        told: is given each mismatch of the worker's, and of each row that is done the pair of it and its error.
    """
    options: dict[str, Any] = {"n_workers": 1, "threads_per_worker": 2, "dashboard_address": "127.0.0.1:0"}
    started: Any = LocalCluster(processes=True, silence_logs=logging.CRITICAL, **options)
    with started as cluster, Client(cluster) as client:
        client.register_plugin(Begins(place))
        made = Running(client, told)
        yield made
        made.end()


class Running:
    """Dask as the sender knows it: a delayed call for each row, computed together."""

    def __init__(self, client: Any, told: Callable[[Any], object]) -> None:
        """Send tasks to the cluster of `client`."""
        self._client = client
        self._tell = told
        self._rows: dict[Any, object] = {}
        self._done: Iterator[Any] = iter(())

    def make(self, row: Any, ctx: PluginContext) -> Made:
        """Return a delayed call; it holds `ctx` itself."""
        return Made(row["row"], delayed(work.analyse)(row, ctx))

    def send(self, made: Sequence[Made]) -> None:
        """Compute them: all are serialised now."""
        futures: Any = self._client.compute([each.task for each in made])
        self._rows.update(zip(futures, (each.row_id for each in made), strict=True))

    def begin(self) -> None:
        """The worker has begun by now."""
        self._done = iter(as_completed(list(self._rows)))

    def wait(self) -> None:
        """Wait until a row is done, and tell it."""
        future = next(self._done)
        self._tell((self._rows[future], future.exception()))

    def end(self) -> None:
        """Tell what the worker found."""
        for mismatches in self._client.run(_taken).values():
            for mismatch in mismatches:
                self._tell(mismatch)
