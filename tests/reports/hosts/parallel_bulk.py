"""elasticsearch 8.14 on a stub client, elastic/elasticsearch-py#2616: `parallel_bulk` gives a `ThreadPool` a lambda.

The rows are read while chunks are sent. Each sets the client's tenant, for which the chunks before it are then sent.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from elasticsearch import helpers
from elasticsearch.serializer import JsonSerializer

from otel_handoff import Boundary, Call
from tests.reports.books import WAIT, books, refusing
from tests.reports.expected import Expected

EXPECTED = Expected(shared="`client.tenant`, by all chunks", records=4, wrong=3)
TENANTS = [f"tenant-{n}" for n in range(4)]
all_read = threading.Event()


def json_for(_kind: str) -> JsonSerializer:
    return JsonSerializer()


class Client:
    """As much of a client as the helper needs."""

    transport = SimpleNamespace(serializers=SimpleNamespace(get_serializer=json_for))
    _client_meta = ()

    def __init__(self) -> None:
        self.tenant: str | None = None

    def options(self, **_: Any) -> Client:
        return self

    def bulk(self, *_: Any, operations: Any, **__: Any) -> Any:
        assert all_read.wait(WAIT)
        with refusing():
            post(json.loads(operations[1])["tenant"], self.tenant)
        return SimpleNamespace(body={"items": [{"index": {"status": 200}}]})


def post(owner: str, tenant: str | None) -> None:
    books.file(owner, tenant)


def rows(client: Client) -> Iterator[dict[str, Any]]:
    for tenant in TENANTS:
        client.tenant = tenant  # the write
        yield {"_index": "rows", "_source": {"tenant": tenant}}
    all_read.set()


def declared() -> Boundary:
    return Boundary(
        "bulk",
        work="elasticsearch.helpers.actions:_process_bulk_chunk",
        context="client",
        fields={"tenant": "tenant"},
        ids={"tenant": "bulk_data.0.1.tenant"},
        pins="ids",
        calls=[Call(f"{__name__}:post", {"tenant": "tenant"})],
    )


def run() -> None:
    client: Any = Client()
    with books.request("bulk"):
        books.belongs(*TENANTS)
        list(helpers.parallel_bulk(client, rows(client), thread_count=2, chunk_size=1))
