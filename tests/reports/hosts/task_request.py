"""celery 5.4 and celery-progress 0.5, czue/celery-progress#117: a bound task keeps its `request` for each thread.

A recorder of progress that is given to a pool's thread finds another `request` there, which has no id.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from celery import Celery
from celery_progress.backend import ProgressRecorder

from otel_handoff import Boundary, Call
from tests.reports.books import books, settle
from tests.reports.expected import Expected

EXPECTED = Expected(
    shared="`recorder.task.request`, another on each thread",
    records=3,
    wrong=3,
    culprit="",  # nothing was written: the id is not there
)
app = Celery("tasks", broker="memory://", backend="cache+memory://")
app.conf.task_always_eager = True


class Tracked(app.Task):  # pyright: ignore[reportUntypedBaseClass]
    """Tells its state."""

    def update_state(self, task_id: Any = None, state: Any = None, meta: Any = None, **_: Any) -> None:
        put(meta["description"], task_id or self.request.id)


def put(owner: str, task_id: str | None) -> None:
    books.file(owner, task_id)


class Helper:
    """Does the long part in a pool."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)

    def step(self, name: str, recorder: ProgressRecorder) -> None:
        recorder.set_progress(8, 10, name)


helper = Helper()


def progress(self: Any) -> None:
    with books.request(self.request.id):
        settle([helper.pool.submit(helper.step, self.request.id, ProgressRecorder(self))])


task: Any = app.task(bind=True, base=Tracked)(progress)


def declared() -> Boundary:
    return Boundary(
        "progress",
        work=f"{__name__}:Helper.step",
        context="recorder",
        fields={"task_id": "task.request.id"},
        calls=[Call(f"{__name__}:put", {"task_id": "task_id"})],
    )


def run() -> None:
    for _ in range(3):
        task.apply()
