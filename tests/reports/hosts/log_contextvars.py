"""structlog 22.2 and loguru 0.7.2, hynek/structlog#297 and #425, Delgan/loguru#792 and #1318: ids bound to contextvars.

A service binds its request's id, and works in a pool: what is logged there has none, as a thread has its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from loguru import logger

from otel_handoff import Boundary, Call
from tests.reports.books import books, refusing
from tests.reports.expected import Expected

EXPECTED = Expected(
    shared="the contextvars of the service",
    records=6,
    wrong=6,
    culprit="",  # nothing was written: the id is not there
    prevented=False,
)


def write(owner: str, request_id: str | None) -> None:
    books.file(owner, request_id)


def _of_structlog(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> str:
    write(event["event"], event.get("request_id"))
    return ""


def _of_loguru(message: Any) -> None:
    write(message.record["message"], message.record["extra"].get("request_id"))


structlog.configure(
    processors=[structlog.contextvars.merge_contextvars, _of_structlog],
    wrapper_class=structlog.BoundLogger,
    logger_factory=structlog.ReturnLoggerFactory(),
)
logger.remove()
logger.add(_of_loguru, format="{message}", catch=False)


class Request:
    """Has an id."""

    def __init__(self, request_id: str) -> None:
        self.id = request_id


class Service:
    """Handles requests, with blocking work in a pool."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(2)

    async def handle(self, request: Request) -> None:
        with books.request(request.id), logger.contextualize(request_id=request.id):
            structlog.contextvars.bind_contextvars(request_id=request.id)
            loop = asyncio.get_running_loop()
            for log in (structlog.get_logger().info, logger.info):
                with refusing():
                    await loop.run_in_executor(self.pool, self.work, request, log)

    def work(self, request: Request, log: Any) -> None:
        log(request.id)


def declared() -> Boundary:
    return Boundary(
        "service",
        work=f"{__name__}:Service.work",
        ids={"request_id": "request.id"},
        contextvars=True,
        calls=[Call(f"{__name__}:write", {"request_id": "request_id"})],
    )


def run() -> None:
    async def main() -> None:
        service = Service()
        await asyncio.gather(*(service.handle(Request(f"req-{n}")) for n in range(3)))

    asyncio.run(main())
