"""Inputs: any bytes, and real traces with something wrong in them."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from hypothesis import strategies as st

from otel_handoff.record import semconv
from otel_handoff.traces.streams import zstd
from tests.check import spans
from tests.traces import forms, lines

Edit = tuple[str, int, int, Any]
"""What to do, at which node, with which other node, and a value."""

_TEXTS: Final = (
    "",
    "\x00",
    "\ud800",
    "\udfff\ud800",
    "\u202e\u2066",
    "\x1b[2J\x9b",
    "\u2028\r\n\t",
    "\U0010ffff",
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onfocus='alert(1)",
    "<!--", "]]>", "&#60;script&#62;",
    "../../../../tmp/x",
    "=cmd|'/C calc'!A0",
    "$title ${body} {0} %s %(x)s",
    "0" * 16, "f" * 32, "g" * 32,
    "-1", "1_0", "١٢", "NaN", "Infinity", "1e999", "9" * 5000,
    "x" * 100_000,
    "elspeth.", "handoff.observed.", "call", "result", "span", "work", "used", "exposed",
)  # fmt: skip
_NUMBERS: Final = (
    0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), -(2**63) - 1, 10**400,
    0.5, -0.0, 1e308, float("inf"), float("-inf"), float("nan"),
)  # fmt: skip


_RAW: Final = {
    b'"@deep@"': b"[" * 60 + b"]" * 60,
    b'"@deeper@"': b'{"kvlistValue":{"values":[{"value":' * 5000,
    b'"@deepest@"': b"[" * 100_000 + b"]" * 100_000,
    b'"@large@"': b"1e999",
    b'"@long@"': b"9" * 5000,
}
"""What `json` does not write, or not in a reasonable time."""


def _one(values: Sequence[Any]) -> st.SearchStrategy[Any]:
    # Not `sampled_from`, which is told with all its values.
    return st.integers(0, len(values) - 1).map(lambda index: values[index])


_SCALARS: st.SearchStrategy[Any] = st.one_of(
    _one(_TEXTS),
    _one(_NUMBERS),
    st.none(),
    st.booleans(),
    st.text(max_size=20),
    st.integers(),
    st.floats(),
)


def _value(kind: str, content: Any) -> Any:
    return {kind: content}


def _values(kind: str, items: list[Any]) -> Any:
    return {kind: {"values": items}}


_OTLP: st.SearchStrategy[Any] = st.one_of(
    st.builds(
        _value,
        st.sampled_from(
            ("stringValue", "intValue", "doubleValue", "boolValue", "bytesValue", "arrayValue", "oddValue")
        ),
        _SCALARS,
    ),
    st.builds(_values, st.sampled_from(("arrayValue", "kvlistValue")), st.lists(_SCALARS, max_size=3)),
)
_VALUES: st.SearchStrategy[Any] = st.one_of(
    _SCALARS,
    _OTLP,
    st.sampled_from([key.decode()[1:-1] for key in _RAW]),
    st.recursive(
        _SCALARS,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
        max_leaves=6,
    ),
)
_NAMES: Final = tuple(value for name, value in vars(semconv).items() if name.isupper() and isinstance(value, str))
_KEYS: st.SearchStrategy[str] = st.one_of(
    _one(_NAMES),
    _one(_TEXTS),
    st.sampled_from(("elspeth.state_id", "token.id", "service.instance.id", "process.pid")),
)
_PLACES = st.integers(0, 1 << 20)
_EDITS: st.SearchStrategy[Edit] = st.one_of(
    st.tuples(st.just("flood"), _PLACES, _PLACES, st.one_of(_one(_TEXTS), st.text(max_size=20))),
    st.tuples(st.just("put"), _PLACES, _PLACES, _VALUES),
    st.tuples(st.just("value"), _PLACES, _PLACES, _OTLP),
    st.tuples(st.just("key"), _PLACES, _PLACES, _KEYS),
    st.tuples(st.sampled_from(("drop", "again", "copy", "link", "link")), _PLACES, _PLACES, st.none()),
)


def built() -> list[Any]:
    """A line of every kind of span there is, with reports of every kind."""
    wrong = spans.report("call", 1, more=spans.CULPRIT, state_id="state-2")
    routed = spans.report("result", 2, more=spans.CULPRIT, state_id="state-9", token_id="token-1")
    seen = spans.report("read", 3, "exposed", row_id="row-1")
    return [
        lines.request(
            spans.call(2, 1, 1, events=wrong),
            spans.row(1, 1),
            spans.foreign(5, 2, 1, {"token.id": "token-7"}),
            resource={"service.instance.id": "one"},
            scope=semconv.SCOPE,
        ),
        lines.request(spans.row(3, 2, events=routed), spans.row(4, 2), spans.row(6, 3, events=seen, trace="1" * 32)),
    ]


def lines_of(data: bytes) -> list[Any]:
    """Return the requests of a trace file, each with a few of its spans: a small input says as much, sooner."""
    found: list[Any] = []
    for text in data.splitlines():
        request = json.loads(text)
        for scope in request["resourceSpans"][0]["scopeSpans"]:
            for first in range(0, len(scope["spans"]), 6):
                part = copy.deepcopy(request)
                part["resourceSpans"][0]["scopeSpans"] = [{**scope, "spans": scope["spans"][first : first + 6]}]
                found.append(part)
    return found


def _keys(container: Any) -> list[Any]:
    return list(container) if hasattr(container, "keys") else list(range(len(container)))


def _nodes(value: Any) -> list[tuple[Any, Any]]:
    """Return all places within `value`: a container and the key or index in it."""
    found: list[tuple[Any, Any]] = []
    waiting: list[Any] = [value]
    while waiting:
        container: Any = waiting.pop()
        for key in _keys(container):
            item = container[key]
            found.append((container, key))
            if isinstance(item, (dict, list)) and len(found) < 20_000:
                waiting.append(item)
    return found


def _flood(requests: list[Any], value: Any, at: int) -> None:
    """Put `value` in the place of every string, but those by which a mismatch is known as one."""
    told = {semconv.BOUNDARY, semconv.MISMATCH_EVIDENCE, semconv.MISMATCH_OUTCOME}
    for number, (container, key) in enumerate(_nodes(requests)):
        if key == "value" and str(container.get("key")) not in told and isinstance(container[key], dict):
            if "stringValue" in container[key] and (number + at) % 7:
                container[key] = {"stringValue": value}
        elif key == "name" and container[key] != semconv.MISMATCH:
            container[key] = value


_IDS: Final = ("spanId", "parentSpanId", "traceId")


def edit(requests: list[Any], edits: Sequence[Edit]) -> list[Any]:
    """Return `requests` with each of `edits` made in turn."""
    requests = copy.deepcopy(requests)
    for what, at, other_at, value in edits:
        if what == "flood":
            _flood(requests, value, at)
            continue
        nodes = _nodes(requests)
        if what == "link":  # cycles, spans that are their own parents, duplicated ids
            nodes = [node for node in nodes if node[1] in _IDS] or nodes
        elif what in ("value", "key"):
            nodes = [node for node in nodes if node[1] == what] or nodes
        if not nodes:
            break
        container, key = nodes[at % len(nodes)]
        other, other_key = nodes[other_at % len(nodes)]
        if what == "drop":
            del container[key]
        elif what == "again" and hasattr(container, "append"):
            container.append(copy.deepcopy(container[key]))
        elif what in ("copy", "link", "again"):
            container[key] = copy.deepcopy(other[other_key])
        else:
            container[key] = value
    return requests


def _written(requests: list[Any]) -> bytes:
    data = b"".join(json.dumps(request).encode() + b"\n" for request in requests)
    for mark, raw in _RAW.items():
        data = data.replace(mark, raw)
    return data


def _cut(data: bytes, at: int) -> bytes:
    return data[: at % (len(data) + 1)]


def _filled(data: bytes, at: int, more: bytes) -> bytes:
    at %= len(data) + 1
    return data[:at] + more + data[at:]


def _doubled(data: bytes, at: int, more: bytes) -> bytes:
    """Say the key at some place twice, with something else: JSON takes the last."""
    starts = [index for index in range(len(data)) if data.startswith(b'{"', index)]
    if not starts:
        return data
    start = starts[at % len(starts)] + 1
    end = data.index(b":", start) + 1
    return data[:end] + json.dumps(more.decode("latin-1")).encode() + b"," + data[start:]


_BYTES = st.binary(max_size=40) | _one((b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\n", b"\\ud800", b"[" * 9999))


def _in_log(data: bytes) -> bytes:
    entries = ({"log": line, "stream": "stdout"} for line in data.decode("utf-8", "replace").splitlines(keepends=True))
    return lines.text(*entries).encode()


def _in_cri(data: bytes) -> bytes:
    tags = (b"F", b"P", b"F:x", b"")
    found = enumerate(data.splitlines())
    return b"".join(
        b"2026-11-28T00:00:00Z stdout %b %b\n" % (tags[at % 4 if at > 1 else 0], line) for at, line in found
    )


def _answer(data: bytes) -> bytes:
    return b"\n".join(b'{"result":%b}' % line for line in data.splitlines())


_AROUND: Final[tuple[Callable[[bytes], bytes], ...]] = (
    lambda data: data.decode("utf-8", "replace").encode("utf-16"),
    lambda data: data.decode("utf-8", "replace").encode("utf-16-be"),
    lambda data: forms.framed(*data.splitlines()),
    lambda data: data.replace(b"Spans", b"_spans").replace(b"Id", b"_id").replace(b"Value", b"_value"),
    lambda data: data.replace(b"{", b"{\n"),
    lambda data: data.replace(b'"resourceSpans"', b'"batches"'),
    _in_log,
    _in_cri,
    _answer,
)
"""Forms of a file of lines that take no account of what is in them."""


def _around(form: Callable[[bytes], bytes], data: bytes) -> bytes:
    return form(data)


def _packed(data: bytes, at: int) -> bytes:
    if zstd() is None or at % 3 == 0:
        return gzip.compress(data, 1)
    return (
        zstd().compress(data) if at % 3 == 1 else forms.framed(*(zstd().compress(line) for line in data.splitlines()))
    )


def _as_messages(requests: list[Any], edits: list[tuple[int, int]], at: int) -> bytes:
    """Return requests in Protobuf with other bytes at some places: also lengths, that then lie."""
    messages = forms.binary(requests)
    found = bytearray(b"".join(messages) if at % 2 else forms.framed(*messages))
    for place, byte in edits:
        found[place % len(found)] = byte
    return bytes(found)


def inputs(real: Sequence[Any]) -> st.SearchStrategy[bytes]:
    """Return what to try: some `real` requests with edits, in any form, torn, packed, or both; or any bytes."""
    some = st.lists(_one(real), min_size=1, max_size=3) | st.builds(lambda: list(real[:2]))
    edited = st.builds(edit, some, st.lists(_EDITS, max_size=6)).map(_written)
    torn = st.one_of(
        edited,
        st.builds(_cut, edited, _PLACES),
        st.builds(_filled, edited, _PLACES, _BYTES),
        st.builds(_doubled, edited, _PLACES, _BYTES),
        st.binary(max_size=400),
    )
    around = st.builds(_around, _one(_AROUND), edited | torn)
    bytes_ = st.lists(st.tuples(_PLACES, st.integers(0, 255)), max_size=4)
    whole = st.builds(_as_messages, st.builds(lambda: list(real[:2])), bytes_, _PLACES)
    messages = st.one_of(whole, whole, st.builds(_cut, whole, _PLACES), st.builds(_filled, whole, _PLACES, _BYTES))
    packed = st.builds(_packed, torn | messages, _PLACES)
    broken = st.one_of(st.builds(_cut, packed, _PLACES), st.builds(_filled, packed, _PLACES, _BYTES))
    kinds = edited | edited | torn | around | messages | packed | broken
    return st.deferred(lambda: kinds)  # deferred: its name is not all of the above
