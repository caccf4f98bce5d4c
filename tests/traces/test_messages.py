"""Messages in Protobuf, and what is wrong with some: it costs itself, and is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_handoff.traces.files import find
from otel_handoff.traces.streams import zstd
from tests.traces import forms, lines
from tests.traces.test_forms import needs_zstd, read, written

WHOLE = lines.request(lines.span(1, "whole"), resource={"service.name": "s"})
(MESSAGE,) = forms.binary([WHOLE])


def of(**parts: Any) -> ExportTraceServiceRequest:
    """A request whose second span has other parts."""
    request = forms.message(lines.request(lines.span(1, "whole"), lines.span(2, "odd"), resource={"service.name": "s"}))
    span = request.resource_spans[0].scope_spans[0].spans[1]
    for name, part in parts.items():
        setattr(span, name, part)
    return request


def names(path: Path) -> tuple[list[str], list[tuple[int, str]]]:
    spans, broken = read(path)
    return [span.name for span in spans], [(each.line, each.reason) for each in broken]


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"trace_id": b"short"}, "trace_id is not 16 bytes"),
        ({"span_id": b""}, "span_id is not 8 bytes"),
        ({"parent_span_id": b"\0" * 16}, "parent_span_id is not 8 bytes"),
    ],
)
def test_a_span_that_is_none_costs_no_other(tmp_path: Path, parts: dict[str, Any], reason: str) -> None:
    """As in JSON."""
    path = written(tmp_path, forms.framed(of(**parts).SerializeToString(), MESSAGE))
    assert names(path) == (["whole", "whole"], [(1, reason)])


def test_a_text_that_is_no_utf_8_costs_its_attribute(tmp_path: Path) -> None:
    """Not every SDK and Collector looks: one that was cut off within a letter, say."""
    span = lines.span(1, "s", attributes=lines.attributes({"cut": "CUT", "kept": "ä", "n": 1}))  # pyright: ignore[reportCallIssue]
    (content,) = forms.binary([lines.request(span, lines.span(2))])
    spans, broken = read(written(tmp_path, forms.framed(content.replace(b"CUT", b"a\xc3."))))
    assert [(each.line, each.reason) for each in broken] == [(1, "a text that is no UTF-8")]
    assert [span.attributes for span in spans] == [{"kept": "ä", "n": 1}, {}]


def test_attributes_of_every_kind(tmp_path: Path) -> None:
    """Are what they are in JSON, nested ones, too."""
    none: dict[str, Any] = {"key": "none", "value": {}}
    nested: Any = {"kvlistValue": {"values": [*lines.attributes({"x": [1, "y"]}), none]}}
    values: list[Any] = [
        {"key": "map", "value": nested},
        {"key": "none", "value": {}},
        *lines.attributes({"f": 0.5, "b": False}),
    ]
    values.append({"key": "list", "value": {"arrayValue": {"values": [{}, {"bytesValue": "AAE="}]}}})
    request = lines.request(lines.span(1, attributes=values))  # pyright: ignore[reportCallIssue]
    (as_json,), _ = read(written(tmp_path, forms.text([request])))
    (as_message,), broken = read(written(tmp_path, forms.framed(*forms.binary([request]))))
    assert broken == []
    assert as_message == as_json
    assert as_json.attributes == {"map": '{"x": [1, "y"]}', "f": 0.5, "b": False, "list": ["AAE="]}


def logs() -> bytes:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    records.add(observed_time_unix_nano=5, trace_id=b"x" * 16).body.string_value = "said"
    records.add(time_unix_nano=5)
    return request.SerializeToString()


def metrics() -> bytes:
    request = ExportMetricsServiceRequest()
    found = request.resource_metrics.add().scope_metrics.add().metrics
    found.add(name="x" * 16, description="y" * 8).sum.data_points.add(as_int=3)
    found.add(name="g").gauge.data_points.add(as_double=3)
    return request.SerializeToString()


@pytest.mark.parametrize("other", [logs, metrics])
def test_messages_of_other_signals_hold_no_spans(tmp_path: Path, other: Any) -> None:
    """In the same file and in the same folder."""
    files = {"a": forms.framed(other(), MESSAGE), "b": forms.framed(other()), "c": other() + MESSAGE}
    assert names(written(tmp_path, files)) == (["whole", "whole"], [])


LONG = (65 << 20).to_bytes(4, "big")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (forms.framed(MESSAGE) + b"\0\0", "the file ends here, in the middle of a message"),
        (forms.framed(MESSAGE, MESSAGE)[:-5], "the file ends here, in the middle of a message"),
        (
            forms.framed(MESSAGE) + LONG + MESSAGE,
            "no message: its length would be 68,157,440; what follows is not read",
        ),
        (forms.framed(MESSAGE) + b"\0" * 100, "no message: its length would be 0; what follows is not read"),
        (MESSAGE + MESSAGE[:-5], "the file ends here, in the middle of a message"),
        (MESSAGE + b"\x0a" + b"\xff" * 20, "no part of an OTLP request; what follows is not read"),
        (MESSAGE + b"\x12\3abc" + MESSAGE, "no part of an OTLP request; what follows is not read"),
        (MESSAGE + b"\x0a\xff\xff\xff\xff\x7f", "no part of an OTLP request; what follows is not read"),
    ],
)
def test_a_length_that_lies_ends_the_reading(tmp_path: Path, content: bytes, reason: str) -> None:
    """What came before it counts."""
    assert names(written(tmp_path, content)) == (["whole"], [(2, reason)])


@pytest.mark.parametrize("damage", [b"\x0a\7\x12\5\x12\3\xff\xff\xff", b"\x0a\x04\x12\x7f..", b"\x0b\1\2\3\4"])
def test_a_damaged_message_costs_no_other(tmp_path: Path, damage: bytes) -> None:
    """Its length tells where the next one begins."""
    path = written(tmp_path, forms.framed(MESSAGE, damage, MESSAGE))
    assert names(path) == (["whole", "whole"], [(2, "damaged Protobuf")])


def test_deep_values_do_no_harm(tmp_path: Path) -> None:
    """A few levels are read, many are told."""

    def nested(depth: int) -> bytes:
        value: Any = {"intValue": 1}
        for _ in range(depth):
            value = {"arrayValue": {"values": [value]}}
        made = lines.request(lines.span(1, "deep", attributes=[{"key": "a", "value": value}]), lines.span(2, "next"))  # pyright: ignore[reportCallIssue]
        return forms.binary([made])[0]

    assert names(written(tmp_path, forms.framed(nested(20)))) == (["deep", "next"], [])
    inner = b"\x08\1"
    for _ in range(5000):
        inner = bytes([0x0A, *_varint(len(inner))]) + inner
        inner = bytes([0x2A, *_varint(len(inner))]) + inner
    pair = b"\x0a\1a\x12" + bytes(_varint(len(inner))) + inner
    attribute = b"\x4a" + bytes(_varint(len(pair))) + pair
    span = b"\x0a\x10" + b"t" * 16 + b"\x12\x08" + b"s" * 8 + b"\x39" + b"1" * 8 + attribute
    scope = b"\x12" + bytes(_varint(len(span))) + span
    part = b"\x12" + bytes(_varint(len(scope))) + scope
    request = b"\x0a" + bytes(_varint(len(part))) + part
    assert names(written(tmp_path, forms.framed(request, MESSAGE))) == (["whole"], [(1, "nested too deeply")])


def _varint(number: int) -> list[int]:
    return [number] if number < 0x80 else [number & 0x7F | 0x80, *_varint(number >> 7)]


@needs_zstd
def test_damage_in_what_is_packed(tmp_path: Path) -> None:
    """A message by itself costs itself; of a file as one, what came before it counts."""
    packed = zstd().compress(MESSAGE, options={zstd().CompressionParameter.checksum_flag: 1})
    damaged = bytearray(packed)
    damaged[len(packed) // 2] ^= 0xFF
    content = forms.framed(packed, packed[:-3], bytes(damaged), zstd().compress(b"\0" * ((64 << 20) + 1)), packed)
    spans, broken = names(written(tmp_path, content))
    assert spans == ["whole", "whole"]
    assert [at for at, _ in broken] == [2, 3, 4]
    told = [reason.partition(":")[0] for _, reason in broken]
    assert (told[0], told[2]) == ("a packed message ends in the middle", "longer than 64 MiB")
    text = forms.text([WHOLE]) * 3000
    packed = zstd().compress(text) + zstd().compress(text)
    spans, broken = names(written(tmp_path, packed[:-20]))
    assert 3000 <= len(spans) < 6000
    assert broken == [(len(spans) + 1, "the packed file ends here, in the middle")]
    spans, broken = names(written(tmp_path, zstd().compress(text) + b"\x28\xb5\x2f\xfd" + b"\xff" * 50))
    assert len(spans) == 3000
    assert broken[0][1].startswith("damaged zstd: ")
    assert names(written(tmp_path, zstd().compress(zstd().compress(text)))) == (
        [],
        [(0, "packed with zstd, which is not read: unpack it first")],
    )


def test_binary_files_that_begin_alike_are_left_out(tmp_path: Path) -> None:
    """A graph of TensorFlow begins with a list of messages, too."""
    (tmp_path / "traces").write_bytes(MESSAGE)
    (tmp_path / "graph.pb").write_bytes(b"\x0a\x20\x0a\x0bPlaceholder\x12\x0bPlaceholder" + bytes(range(20)))
    (tmp_path / "blank").write_bytes(b"\n\n\n\n a\n")
    found = find([str(tmp_path)])
    assert [Path(name).name for name in found.files] == ["traces"]
    assert sorted(Path(name).name for name in found.others) == ["blank", "graph.pb"]
