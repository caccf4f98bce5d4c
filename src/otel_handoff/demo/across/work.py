"""What a worker does with a row: it asks the service about its text, and files what it did."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import httpx

from otel_handoff.demo.pipeline.context import PluginContext
from otel_handoff.demo.pipeline.http_client import AuditedHTTPClient
from otel_handoff.demo.pipeline.landscape import Landscape

QUESTIONS = ("words", "sentences")


class Desk:
    """What a worker process has for all of its rows: the audit trail, and a way to the service."""

    def __init__(self, database: Path, url: str) -> None:
        """Open the trail that the sender has made."""
        self.landscape = Landscape(database, create=False)
        self.url = url
        # Loopback only: a proxy from the environment has no part in it.
        self.http = httpx.Client(trust_env=False, timeout=30.0)

    def close(self) -> None:
        """Nothing can be done after it."""
        self.http.close()
        self.landscape.close()


desks: list[Desk] = []
"""That of this process."""


def sit_down(database: Path, url: str) -> None:
    """Begin to work, in this process."""
    desks.append(Desk(database, url))


def get_up() -> None:
    """Work no more."""
    while desks:
        desks.pop().close()


def analyse(row: Mapping[str, object], ctx: PluginContext) -> dict[str, object]:
    """Ask about a row, and file each answer and the result under the ids that `ctx` came with.

    **This is the patient**: those are the ids that `ctx` had when it was serialised. Each request names the row that it
    is for, out of the row and never out of `ctx`.
    """
    desk = desks[-1]
    ctx.landscape = desk.landscape
    client = AuditedHTTPClient(ctx, desk.http, provider="readability")
    result = dict(row)
    for number, ask in enumerate(QUESTIONS):
        body = {"row": row["row"], "attempt": row["attempt"], "request": number, "ask": ask, "text": row["text"]}
        result.update(client.post(desk.url, body))
    if ctx.token is not None and ctx.state_id is not None:
        desk.landscape.record_emission(ctx.token.token_id, ctx.state_id, result, delivered=True)
        desk.landscape.complete_node_state(ctx.state_id, "completed", result)
    return result
