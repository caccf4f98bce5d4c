"""An HTTP client that files every request in the landscape."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import httpx

from otel_handoff.demo.pipeline.context import PluginContext


class AuditedHTTPClient:
    """Makes requests and files each, answered or not, through the `ctx` it was made for.

    **This is the patient**: `ctx.record_call` reads the ids when the answer is there, not when the row was handed over.
    """

    def __init__(self, ctx: PluginContext, http: httpx.Client, provider: str = "unknown") -> None:
        """Ask through `http`, which may be shared; `provider` is whom, for telemetry."""
        self._ctx = ctx
        self._http = http
        self._provider = provider

    def post(self, url: str, json: Mapping[str, object]) -> dict[str, Any]:
        """Post `json` and return the JSON object that comes back.

        Raises:
            httpx.HTTPError: no answer, or one that is an error. The call is filed all the same.
            ValueError: an answer that is no JSON. Likewise.
        """
        request = {"method": "POST", "url": url, "json": json}
        started = time.perf_counter()
        try:
            response = self._http.post(url, json=json).raise_for_status()
            body: dict[str, Any] = response.json()
        except (httpx.HTTPError, ValueError) as failure:
            error = {"type": type(failure).__name__, "message": str(failure)}
            latency_ms = (time.perf_counter() - started) * 1000
            self._ctx.record_call("http", "error", request, None, error, latency_ms, provider=self._provider)
            raise
        latency_ms = (time.perf_counter() - started) * 1000
        answer = {"status_code": response.status_code, "json": body}
        self._ctx.record_call("http", "success", request, answer, None, latency_ms, provider=self._provider)
        return body
