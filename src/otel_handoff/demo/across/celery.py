"""Tasks of Celery, and a worker of Celery's in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from otel_handoff.commands import UsageError
from otel_handoff.demo.across import work
from otel_handoff.demo.across.declared import TASK, boundary
from otel_handoff.demo.across.place import Place
from otel_handoff.demo.pipeline.context import PluginContext
from otel_handoff.demo.watched import instrumented
from otel_handoff.instrumentor import HandoffInstrumentor

BOUNDARY: Final = boundary(f"celery:{TASK}")

_WORKER: Final = (
    "worker", "--pool", "threads", "--concurrency", "2", "--loglevel", "WARNING",
    "--without-gossip", "--without-mingle", "--without-heartbeat",
)  # fmt: skip
_LONGEST_END: Final = 20.0
_BEGIN, _END = "begin", "end"


def _is_of_files(place: Place) -> bool:
    return place.broker.startswith("filesystem:")


def app_of(place: Place) -> Any:
    """Return an app with the one task."""
    celery: Any = import_module("celery")
    app: Any = celery.Celery("otel-handoff-demo", broker=place.broker, set_as_current=False)
    app.conf.update(
        task_default_queue=Path(place.folder).name,  # a run's own
        task_serializer="pickle",  # as is usual where tasks are given objects
        accept_content=["pickle"],
        task_ignore_result=True,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=False,
    )
    if _is_of_files(place):
        app.conf.broker_transport_options = {
            "data_folder_in": place.folder,
            "data_folder_out": place.folder,
            "control_folder": place.folder,
            "polling_interval": 0.01,
        }
    app.task(name=TASK)(work.analyse)
    return app


@contextmanager
def running(place: Place, told: Callable[[Any], object]) -> Generator[Running]:
    """Be ready to send to a broker that is there, and have a worker that waits.

    Args:
        place: where.
        told: is given what the worker tells: each mismatch, and of each row that is done the pair of it and its error.

    Raises:
        UsageError: the broker is not there.
    """
    app = app_of(place)
    app.finalize()
    with ExitStack() as stack:
        stack.callback(app.close)
        try:
            with app.connection_for_write() as connection:
                connection.ensure_connection(max_retries=0, timeout=5)
        except Exception as error:
            raise UsageError(f"cannot reach the broker {place.broker}: {error}") from error
        made = Running(app, place, told)
        stack.callback(made.end)
        yield made


class Running:
    """Celery as the sender knows it, and a worker in a process of its own."""

    def __init__(self, app: Any, place: Place, told: Callable[[Any], object]) -> None:
        """Start the worker."""
        self._task = app.tasks[TASK]
        self._group: Any = import_module("celery").group
        self._log = place.log
        self._tell = told
        context = multiprocessing.get_context("spawn")
        self._told, far = context.Pipe()
        self._process = context.Process(target=_main, args=(place, far), name="otel-handoff-demo-worker")
        self._process.start()
        far.close()

    def make(self, row: Any, ctx: PluginContext) -> Any:
        """Return a signature; it holds `ctx` itself."""
        return self._task.s(row, ctx)

    def send(self, made: Sequence[Any]) -> None:
        """Publish them as a group: each is serialised now."""
        self._group(made).apply_async()

    def begin(self) -> None:
        """Let the worker take what was sent.

        Not before all of it was: of a broker of files it may otherwise read a message that is still being written.
        """
        self._told.send(_BEGIN)

    def wait(self) -> None:
        """Wait until the worker tells something, and pass it on.

        Raises:
            UsageError: it has ended.
        """
        try:
            self._tell(self._told.recv())
        except EOFError:
            raise UsageError(f"the worker has ended; what it printed is in {self._log}") from None

    def end(self) -> None:
        """End the worker, and pass on what it tells meanwhile."""
        with suppress(EOFError, OSError):
            self._told.send(_END)
            while self._told.poll(_LONGEST_END):
                self._tell(self._told.recv())
        self._process.join(_LONGEST_END)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._told.close()


def _main(place: Place, told: Connection) -> None:
    # The worker's process.
    log = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(log, stream.fileno())
    if _is_of_files(place):
        os.environ["C_FORCE_ROOT"] = "1"  # root may: nobody else can put a pickle into the folder
    lock = threading.Lock()

    def tell(what: object) -> None:
        with lock:
            told.send(what)

    def done(args: Sequence[Any] = (), retval: Any = None, **_: Any) -> None:
        tell((args[0]["row"], retval if isinstance(retval, Exception) else None))

    app = app_of(place)
    with ExitStack() as stack:
        if place.mode != "off":
            stack.enter_context(
                instrumented(HandoffInstrumentor(), place.mode, place.traces, tell, boundaries=[BOUNDARY])
            )
        work.sit_down(place.database, place.url)
        stack.callback(work.get_up)
        signals: Any = import_module("celery.signals")
        signals.task_postrun.connect(done, weak=False)
        if told.recv() == _BEGIN:
            threading.Thread(target=_end_when_told, args=(told, stack.pop_all()), daemon=True).start()
            app.worker_main(list(_WORKER))


def _end_when_told(told: Connection, stack: ExitStack) -> None:
    # A warm shutdown takes some four seconds, as Celery looks for more work; here all is done by then.
    with suppress(EOFError):
        told.recv()
    stack.close()
    os._exit(0)
