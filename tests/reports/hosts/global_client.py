"""langfuse 2.60.5, ProjectTech4DevAI/kaapi-backend#249: each request configures the client that the process has.

It then puts a job in the background, which sends to the project that is configured by the time when it runs.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from langfuse.decorators import langfuse_context

from otel_handoff import Boundary, Call
from tests.reports.books import WAIT, books, settle
from tests.reports.expected import Expected

EXPECTED = Expected(
    shared="the client of the `LangfuseSingleton`, by all requests",
    records=4,
    wrong=3,
    culprit="langfuse_singleton.py in get",
)
all_handed_over = threading.Event()

logging.getLogger("langfuse").setLevel(logging.CRITICAL + 1)


class Job:
    """What a request asks for."""

    def __init__(self, key: str) -> None:
        self.key = key


class Api:
    """Answers requests, and does the long part in a pool."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)

    def threads(self, job: Job) -> Future[None]:
        langfuse_context.configure(public_key=job.key, secret_key="s", host="http://127.0.0.1:9", enabled=False)
        return self.pool.submit(self.process_run, job)

    def process_run(self, job: Job) -> None:
        assert all_handed_over.wait(WAIT)
        send(job, langfuse_context.client_instance.client._client_wrapper._x_langfuse_public_key)


def send(job: Job, public_key: str) -> None:
    books.file(job.key, public_key)


def declared() -> Boundary:
    return Boundary(
        "kaapi",
        work=f"{__name__}:Api.process_run",
        context="langfuse.utils.langfuse_singleton:LangfuseSingleton._instance",
        fields={"key": "_langfuse.client._client_wrapper._x_langfuse_public_key"},
        calls=[Call(f"{__name__}:send", {"key": "public_key"})],
    )


def run() -> None:
    api = Api()
    done: list[Future[None]] = []
    for n in range(4):
        with books.request(f"key-{n}"):
            done.append(api.threads(Job(f"key-{n}")))
    all_handed_over.set()
    settle(done)
