"""django-multitenant 3.2.1, citusdata/django-multitenant#213: the tenant is kept on the thread.

A task that does not set it works for the tenant of the task before it.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import django
from django.conf import settings

settings.configure()
django.setup()

from django_multitenant.utils import get_current_tenant, set_current_tenant

from otel_handoff import Boundary, Call
from tests.reports.books import books, settle
from tests.reports.expected import Expected

EXPECTED = Expected(
    shared="the tenant in a `threading.local`, by all tasks of a thread",
    records=6,
    wrong=3,
    culprit="",  # nothing sees a write to a thread-local
    prevented=False,
)


class Message:
    """What a queue delivers."""

    def __init__(self, tenant: str, *, says_so: bool) -> None:
        self.tenant, self.says_so = tenant, says_so


class Worker:
    """Works on messages in a thread."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)

    def work(self, message: Message) -> None:
        if message.says_so:
            set_current_tenant(message.tenant)
        query(message, get_current_tenant())


def query(message: Message, tenant: str | None) -> None:
    books.file(message.tenant, tenant)


def declared() -> Boundary:
    return Boundary(
        "tenants",
        work=f"{__name__}:Worker.work",
        context="django_multitenant.utils:_thread_locals",
        fields={"tenant": "tenant"},
        ids={"tenant": "message.tenant"},
        calls=[Call(f"{__name__}:query", {"tenant": "tenant"})],
    )


def run() -> None:
    worker = Worker()
    done: list[Future[None]] = []
    for n in range(6):
        with books.request(f"tenant-{n}"):
            done.append(worker.pool.submit(worker.work, Message(f"tenant-{n}", says_so=n % 2 == 0)))
    settle(done)
