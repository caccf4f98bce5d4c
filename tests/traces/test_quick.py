"""The quick reader of JSON says what the plain one says; and it is the one that reads what is by the book."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, given, settings

from otel_handoff.traces import quick
from otel_handoff.traces.files import Broken
from otel_handoff.traces.otlp import SpanRecord, read_spans
from tests.fuzz import inputs
from tests.traces import lines

pytestmark = pytest.mark.skipif(quick.decoder() is None, reason="msgspec is not installed")


def read(path: Path) -> tuple[list[Any], list[Broken]]:
    broken: list[Broken] = []
    return [_comparable(span) for span in read_spans([str(path)], broken=broken.append)], broken


def _comparable(span: SpanRecord) -> Any:
    return repr(span)  # also NaN, and of what type a number is


SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


def both(path: Path, data: bytes) -> tuple[Any, Any]:
    path.write_bytes(data)
    quickly = read(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quick, "decoder", lambda: None)
        return quickly, read(path)


@pytest.mark.skipif(hypothesis.__version_info__ < (6, 120), reason="this Hypothesis takes its own inputs for flaky")
def test_both_say_the_same_of_anything(tmp_path: Path) -> None:
    """The same spans, and the same faults."""

    @settings(max_examples=400, deadline=None, suppress_health_check=SLOW, derandomize=True, database=None)
    @given(inputs.inputs(inputs.built()))
    def same(data: bytes) -> None:
        quickly, plainly = both(tmp_path / "file", data)
        assert quickly == plainly

    same()


ODD: list[Any] = [
    {"stringValue": "a", "intValue": 1},
    {"intValue": "1.0"},
    {"intValue": "1e3"},
    {"intValue": 5.0},
    {"intValue": 5.5},
    {"intValue": "null"},
    {"intValue": "9007199254740993.0"},
    {"intValue": str(2**63)},
    {"intValue": -(2**63)},
    {"intValue": True},
    {"intValue": "+5"},
    {"intValue": "05"},
    {"intValue": " 5"},
    {"intValue": "1_0"},
    {"doubleValue": "NaN"},
    {"doubleValue": "null"},
    {"doubleValue": 7},
    {"doubleValue": "7"},
    {"doubleValue": 10**30},
    {"doubleValue": True},
    {"doubleValue": "Infinity"},
    {"doubleValue": "1e999"},
    {"doubleValue": -0.0},
    {"boolValue": 1},
    {"boolValue": "true"},
    {"boolValue": None},
    {"bytesValue": "AAE="},
    {"bytesValue": 3},
    {"arrayValue": {"values": [{"intValue": "7"}, {}]}},
    {"arrayValue": {}},
    {"arrayValue": 3, "doubleValue": 0.5},
    {"kvlistValue": {"values": [{"key": "ä", "value": {"stringValue": "ü"}}]}},
    {"stringValue": "null"},
    {"stringValue": None, "intValue": 3},
    {"otherValue": 3},
    {},
    None,
]


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_both_say_the_same_of_a_value(tmp_path: Path, value: Any) -> None:
    """Whatever is odd about it; what comes before and after it is read once."""
    odd = [{"key": "odd", "value": value}, {"key": "next", "value": {"stringValue": "x"}}]
    spans = lines.span(1, "a"), lines.span(2, "odd", attributes=odd), lines.span(3, "c")  # pyright: ignore[reportCallIssue]
    quickly, plainly = both(tmp_path / "file", lines.text(lines.request(*spans)).encode())
    assert quickly == plainly
    assert len(quickly[0]) == 3


@pytest.mark.parametrize(
    "parts",
    [
        {"traceId": "A" * 32},
        {"traceId": "g" * 32},
        {"traceId": "a " * 16},
        {"traceId": "E6Pbr2FmlnvVAz4PapcNcA=="},
        {"spanId": "a" * 17},
        {"parentSpanId": "a" * 8},
        {"parentSpanId": None},
        {"startTimeUnixNano": "1.5"},
        {"startTimeUnixNano": "18446744073709551615"},
        {"endTimeUnixNano": -1},
        {"events": [{"name": "e", "timeUnixNano": "x"}, {"name": "f"}]},
        {"name": "\ud800"},
        {"name": "ä", "kind": 3, "links": [{"traceId": "x"}], "status": {"code": "x"}},
        {"attributes": None},
        {"events": None},
    ],
    ids=repr,
)
def test_both_say_the_same_of_a_span(tmp_path: Path, parts: dict[str, Any]) -> None:
    """Whatever is odd about one of its parts."""
    text = lines.text(lines.request(lines.span(1, "a"), {**lines.span(2), **parts}, lines.span(3)))
    quickly, plainly = both(tmp_path / "file", text.encode())
    assert quickly == plainly
    assert quickly[0][0].startswith("SpanRecord(name='a'")


@pytest.mark.parametrize("bad", [b"\xff", b"\xed\xa0\x80", b"\xc3"])
@pytest.mark.parametrize("name", [b'"name"', b'"links"', b'"schemaUrl"'])
def test_a_text_that_is_no_utf_8_is_found_wherever_it_is(tmp_path: Path, name: bytes, bad: bytes) -> None:
    """Also in what is not looked at."""
    request = lines.request({**lines.span(1), "links": "HERE", "name": "HERE"})
    request["resourceSpans"][0]["schemaUrl"] = "HERE"
    text = lines.text(request)
    quickly, plainly = both(tmp_path / "file", text.encode().replace(name + b':"HERE"', name + b':"' + bad + b'"'))
    assert quickly == plainly
    assert "no UTF-8" in quickly[1][0].reason


def test_what_exporters_write_is_read_quickly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is left to the plain reader."""
    path = tmp_path / "file"
    path.write_text(lines.text(*inputs.built()).replace(',"status"', ',"droppedEventsCount":1,"status"'))
    expected = read(path)
    monkeypatch.setattr("otel_handoff.traces.otlp._plainly", None)
    assert (read(path), len(expected[0]), expected[1]) == (expected, 6, [])
