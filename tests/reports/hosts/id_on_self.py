"""elastic/elasticsearch-py#2616 and MakazhanAlpamys/Soup#260, in small: what files has the id on itself.

`self`: on the client. `result`: only in what its call returns, which is sent afterwards. `control`: as a parameter.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from otel_handoff import Boundary, Call
from tests.reports.books import WAIT, books, settle
from tests.reports.expected import Expected

EXPECTED = Expected(
    shared="`ctx.tenant`, by all rows",
    records=4,
    wrong=3,
    prevented=False,  # it is read around its class, where nothing sees that
)
TENANTS = [f"tenant-{n}" for n in range(4)]
all_handed_over = threading.Event()


class Message(NamedTuple):
    """What is sent."""

    tenant: str
    body: str


class Client:
    """Sends for one tenant."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant

    def post(self, body: str) -> None:
        self.send(Message(self.tenant, body))

    def post_for(self, tenant: str, body: str) -> None:
        self.send(Message(tenant, body))

    def message(self, body: str) -> Message:
        return Message(self.tenant, body)

    def send(self, message: Message) -> None:
        books.file(message.body, message.tenant)


class Context:
    """What is being served."""

    def __init__(self) -> None:
        self.tenant = "nobody"


class Service:
    """Posts in a pool."""

    def __init__(self, variant: str) -> None:
        self.pool, self.variant = ThreadPoolExecutor(1), variant

    def work(self, body: str, ctx: Context) -> None:
        assert all_handed_over.wait(WAIT)
        client = Client(vars(ctx)["tenant"])
        if self.variant == "self":
            client.post(body)
        elif self.variant == "result":
            client.send(client.message(body))
        else:
            client.post_for(client.tenant, body)


CALLS = {
    "self": ("post", "self.tenant"),
    "result": ("message", "result.tenant"),
    "control": ("post_for", "tenant"),
}


def declared(variant: str) -> Boundary:
    name, path = CALLS[variant]
    return Boundary(
        "service",
        work=f"{__name__}:Service.work",
        context="ctx",
        fields={"tenant": "tenant"},
        calls=[Call(f"{__name__}:Client.{name}", {"tenant": path})],
    )


def run(variant: str) -> None:
    service, ctx = Service(variant), Context()
    done: list[Future[None]] = []
    for tenant in TENANTS:
        with books.request(tenant):
            ctx.tenant = tenant  # the write
            done.append(service.pool.submit(service.work, tenant, ctx))
    all_handed_over.set()
    settle(done)
