"""What goes through a real Collector is judged as what did not: links, events and attributes are all there."""

from __future__ import annotations

import gzip
import importlib.util
import itertools
import json
import subprocess
import urllib.request
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from otel_handoff.demo.run import run_mode
from tests.check.command import checked
from tests.servers import DEADLINE, listening, listens, reserved, server, until
from tests.traces import forms

_FOUND = importlib.util.find_spec("rotel")


@pytest.mark.skipif(_FOUND is None, reason="rotel, a Collector in a wheel, is not here: pip install rotel")
def test_what_a_collector_passes_on_is_judged_alike(tmp_path: Path) -> None:
    """The demo's run as OTLP requests over HTTP, to rotel and out of it, as the file of whoever gets them."""
    assert _FOUND is not None
    assert _FOUND.origin is not None
    agent = Path(_FOUND.origin).with_name("rotel-agent")
    tried = subprocess.run([agent, "--version"], capture_output=True, text=True, check=False)
    if "libpython" in tried.stderr:
        pytest.skip(f"rotel needs a Python that is a shared library: {tried.stderr.strip()}")
    run = run_mode("observe", rows=20, seed=1, out=tmp_path / "run")
    sent = [json.loads(line) for line in run.traces.read_text("utf-8").splitlines()]
    arrived = tmp_path / "arrived"
    arrived.mkdir()
    numbers = itertools.count()

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            (arrived / f"{next(numbers)}.pb").write_bytes(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with reserved(2) as [grpc, http], listening(Sink) as sink:
        command = [
            *(agent, "start", "--exporter", "otlp", "--disable-batching"),
            *("--otlp-grpc-endpoint", f"127.0.0.1:{grpc}", "--otlp-http-endpoint", f"127.0.0.1:{http}"),
            *("--otlp-exporter-endpoint", f"http://127.0.0.1:{sink}", "--otlp-exporter-protocol", "http"),
            *("--pid-file", tmp_path / "pid", "--log-file", tmp_path / "log"),
        ]
        with server(command, lambda: listens(http), tmp_path / "rotel"):
            for body in forms.binary(sent):
                _post(http, body)
            until(lambda: len(list(arrived.iterdir())) == len(sent), "it has passed all on")
    before, after = checked(run.traces), checked(arrived)
    assert before["checked"]["wrong_calls"] > 0
    assert after["checked"] == before["checked"]
    key = "trace_id", "span_id", "evidence", "headline"
    told = [sorted([each[name] for name in key] for each in found["mismatches"]) for found in (before, after)]
    assert told[0] == told[1]


def _post(port: int, body: bytes) -> None:
    kind = {"Content-Type": "application/x-protobuf"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/traces", body, kind)
    with urllib.request.urlopen(request, timeout=DEADLINE) as response:
        assert response.status == 200
