"""`OTEL_TRACES_EXPORTER=handoff_file`: spans into a file, as OTLP JSON lines, with the OpenTelemetry that is there.

OpenTelemetry has such an exporter from SDK 1.43 on; this one is for environments that hold an older one.
"""

from __future__ import annotations

import base64
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from otel_handoff.environment_variables import OTEL_HANDOFF_FILE

_logger = logging.getLogger("otel_handoff")

DEFAULT: Final = "handoff-traces.jsonl"


class FileSpanExporter(SpanExporter):
    """Appends a line for each batch of spans. Several processes may append to one file.

    Args:
        path: the file; without it, what `OTEL_HANDOFF_FILE` says. Its folder is made.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._path: Path = Path(path or os.environ.get(OTEL_HANDOFF_FILE) or DEFAULT)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.open("ab").close()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write one line, in one piece."""
        request: dict[str, Any] = MessageToDict(encode_spans(spans), use_integers_for_enums=True)
        for resource in request.get("resourceSpans", ()):
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    for carrier in (span, *span.get("links", ())):
                        _write_ids_as_hex(carrier)
        line = json.dumps(request, separators=(",", ":")) + "\n"
        try:
            with self._path.open("ab", buffering=0) as file:
                file.write(line.encode())
        except OSError as error:
            _logger.warning("%d spans are lost: %s", len(spans), error)
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS


def _write_ids_as_hex(carrier: dict[str, Any]) -> None:
    # OTLP's JSON has them so; protobuf's own has bytes as base64.
    for name in ("traceId", "spanId", "parentSpanId"):
        if name in carrier:
            carrier[name] = base64.b64decode(carrier[name]).hex()
