"""What the pipeline does to a row: it asks a service about its text."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from otel_handoff.demo.pipeline.batching import BatchTransformMixin, OutputPort
from otel_handoff.demo.pipeline.context import PluginContext
from otel_handoff.demo.pipeline.http_client import AuditedHTTPClient
from otel_handoff.demo.pipeline.results import TransformResult


class ReadabilityTransform(BatchTransformMixin):
    """Adds word counts and reading ease to a row: one HTTP call for a short text, up to three for a longer one.

    Each request names the row and the attempt it is made for, out of the row that was handed over and never out of
    `ctx`. So what a call was for can be told from its request, whatever it was filed under.
    """

    name = "readability"

    def __init__(self, url: str, output: OutputPort, timeout: float = 0.2) -> None:
        """Ask the service at `url`, on one worker thread; the executor is to wait `timeout` seconds for a row."""
        self.node_id = ""
        self._url = url
        # Loopback only: a proxy from the environment has no part in it.
        self._http = httpx.Client(trust_env=False, timeout=30.0)
        self.init_batch_processing(8, output, self.name, max_workers=1, batch_wait_timeout=timeout)

    def accept(self, row: Mapping[str, object], ctx: PluginContext) -> None:
        """Take a row; its result goes to the output."""
        self.accept_row(row, ctx, self._process)

    def close(self) -> None:
        """Let the worker finish and end all threads."""
        self.shutdown_batch_processing()
        self._http.close()

    def _process(self, row: Mapping[str, object], ctx: PluginContext) -> TransformResult:
        client = AuditedHTTPClient(ctx, self._http, provider=self.name)
        text = str(row["text"])
        words = text.count(" ") + 1
        questions = ["words", *["sentences"] * (words > 12), *["readability"] * (words > 24)]
        result = dict(row)
        for number, ask in enumerate(questions):
            body = {"row": row["row"], "attempt": row["attempt"], "request": number, "ask": ask, "text": text}
            result.update(client.post(self._url, body))
        return TransformResult(result)
