"""Make the registry in the form of OpenTelemetry Weaver, or say whether it is up to date.

`python -m tests.docs.registry [--write]`. It is made of what docs/telemetry.md is made of: the names and docstrings of
`semconv.py`, the tables that say what is on which signal, and the instruments as a reader has them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Final

import yaml

from otel_handoff.record import semconv
from otel_handoff.record.reasons import REASONS
from otel_handoff.version import __version__
from tests.docs import telemetry
from tests.docs.tables import DOCS

FOLDER: Final = DOCS.parent / "dashboards" / "registry"
FILE: Final = FOLDER / "handoff.yaml"
MANIFEST: Final = FOLDER / "manifest.yaml"

_STABILITY: Final = "development"  # until 1.0
_VERSION: Final = re.sub(r"\.?(dev|a|b|rc)\d+$", "", __version__)  # a candidate has the names of its release
_GENERAL: Final = semconv.SCHEMA.rpartition("/")[2]

_VALUES: Final = {
    semconv.MISMATCH_EVIDENCE: {
        "start": "the context had moved on when the work began",
        "end": "the context had moved on when the work ended",
        "read": "the worker read it off the context",
        "span": "a span carries it",
        "call": "a call was recorded under it",
        "result": "a result was routed under it",
    },
    semconv.MISMATCH_OUTCOME: {
        "used": "the wrong id took effect",
        "blocked": "mode strict raised before it did",
        "prevented": "a pinned worker was spared it",
        "exposed": "no use of it is known",
    },
    semconv.MODE: {
        "pin": "each worker has what was submitted",
        "observe": "nothing about the host is changed",
        "strict": "a call under a wrong id raises",
    },
    semconv.UNCHECKED_REASON: {value: reason.meaning for value, reason in REASONS.items()},
}
"""Attributes with a few known values, and what each means."""

_EXAMPLES: Final[dict[str, Any]] = {
    semconv.BOUNDARY: "elspeth",
    semconv.SUBMISSION_THREAD: "MainThread",
    semconv.SUBMISSION_LOCATION: "engine/transform.py:431 in execute",
    semconv.SUBMISSION_PROCESS: "web-1:4711",
    semconv.CALL_TARGET: "Landscape.record_call",
    semconv.MISMATCH_FIELDS: ["state_id"],
    semconv.MISMATCH_SPAN: "00f067aa0ba902b7",
    semconv.CULPRIT_LOCATION: "engine/executors.py:268 in execute_transform",
    semconv.CULPRIT_THREAD: "MainThread",
    semconv.CULPRIT_FIELD: "token_id",
    semconv.UNCHECKED_FIELDS: ["node_id"],
    semconv.UNCHECKED_DETAIL: "orders.ledger:Ledger.post",
    semconv.FIELD: "state_id",
    semconv.EXPECTED: "state-0006-0",
    semconv.OBSERVED: "state-0007-0",
    semconv.CULPRIT_ID: "state-0007-0",
}
"""Weaver wants one of each text."""

_IN_PART: Final = " UNCHECKED_REASON UNCHECKED_FIELDS UNCHECKED_PINNED UNWATCHED CALLS_BEYOND "

SPANS: Final = {
    "process": (
        "consumer",
        "The work on one row.",
        f"{telemetry.ROW_SPAN} {telemetry.ALL} {telemetry.LEFT} {telemetry.SPAN}{_IN_PART}",
    ),
    "send": (
        "producer",
        "A row leaves for another process.",
        f"{telemetry.SUBMISSION} SUBMISSION_PROCESS {telemetry.SPAN}",
    ),
    "call": (
        "internal",
        "A call that was made for a row is recorded.",
        f"BOUNDARY SUBMISSION_ID SUBMISSION_PROCESS {telemetry.SPAN}",
    ),
    "unchecked": (
        "internal",
        "A row that was not judged, and of which no work was seen.",
        f"{telemetry.SUBMISSION} SUBMISSION_PROCESS {telemetry.UNCHECKED}",
    ),
    "judged": ("internal", "How many rows in order have no span of their own.", f"BOUNDARY {telemetry.LATE}"),
}
"""By what their names begin with, but for calls: kind, meaning and attributes."""

_EVENTS: Final = {
    semconv.MISMATCH: ("A worker used, or would have used, other ids than its row's.", telemetry.EVENT),
    semconv.EVENT_UNCHECKED: ("Rows could not be judged.", telemetry.UNCHECKED),
    semconv.TEST: ("The test alert of `otel-handoff doctor`.", "TEST"),
}

_REQUIRED: Final = (semconv.BOUNDARY, semconv.SUBMISSION_ID)


def text() -> str:
    """Return the registry's YAML."""
    made = yaml.safe_dump({"groups": list(_groups())}, sort_keys=False, width=120, allow_unicode=True)
    return f"# Made of src/otel_handoff/record/semconv.py: python -m tests.docs.registry --write\n{made}"


def manifest() -> str:
    """Return what says which registry this is, and which it depends on."""
    told = {
        "description": "What otel-handoff emits.",
        "schema_url": f"https://otel-handoff.example.com/schemas/{_VERSION}",
        "dependencies": [
            {
                "schema_url": semconv.SCHEMA,
                "registry_path": f"https://github.com/open-telemetry/semantic-conventions@v{_GENERAL}[model]",
            }
        ],
    }
    return yaml.safe_dump(told, sort_keys=False, width=120)


def _groups() -> Iterator[dict[str, Any]]:
    yield {
        "id": "registry.handoff",
        "type": "attribute_group",
        "brief": "The attributes of otel-handoff. Beside them a row's ids are on its spans, as <boundary>.<field>.",
        "attributes": [_attribute(name) for name in _ours()],
    }
    for name, (kind, brief, attributes) in SPANS.items():
        signal = {"id": f"span.handoff.{name}", "type": "span", "span_kind": kind}
        yield {**signal, "stability": _STABILITY, "brief": brief, "attributes": _refs(attributes)}
    for name, (brief, attributes) in _EVENTS.items():
        signal = {"id": f"event.{name}", "type": "event", "name": name}
        yield {**signal, "stability": _STABILITY, "brief": brief, "attributes": _refs(attributes)}
    for metric in telemetry.instruments():
        yield {
            "id": f"metric.{metric.name}",
            "type": "metric",
            "metric_name": metric.name,
            "instrument": metric.kind.replace("up-down counter", "updowncounter"),
            "unit": metric.unit,
            "stability": _STABILITY,
            "brief": metric.meaning,
            "attributes": [{"ref": name} for name in metric.attributes],
        }


def attributes_of(span: str) -> set[str]:
    """Return the attributes that it has of a kind of spans."""
    return {getattr(semconv, constant) for constant in SPANS[span][2].split()}


def _ours() -> Iterator[str]:
    for constant in telemetry.meanings():
        if getattr(semconv, constant).startswith("handoff."):
            yield constant


def _attribute(constant: str) -> dict[str, Any]:
    name: str = getattr(semconv, constant)
    told, meaning = telemetry.meanings()[constant]
    kind, _, unit = told.partition(", ")
    made: dict[str, Any] = {"id": name.removesuffix("."), "type": kind}
    if name.endswith("."):
        made["type"] = "template[any]"
    elif name in _VALUES:
        made["type"] = {
            "members": [
                {"id": value, "value": value, "brief": brief, "stability": _STABILITY}
                for value, brief in _VALUES[name].items()
            ]
        }
    made |= {"stability": _STABILITY, "brief": meaning[:1].upper() + meaning[1:] + (f" ({unit})" if unit else "") + "."}
    if name in _EXAMPLES:
        made["examples"] = [_EXAMPLES[name]]
    return made


def _refs(constants: str) -> list[dict[str, Any]]:
    names = dict.fromkeys(getattr(semconv, constant).removesuffix(".") for constant in constants.split())
    return [{"ref": name, **_level(name, names)} for name in names]


def _level(name: str, beside: Iterable[str]) -> dict[str, str]:
    return {"requirement_level": "required"} if name in _REQUIRED and semconv.SUBMISSION_ID in beside else {}


def main() -> int:
    """Return 0 if what is committed is what the code says, else 1."""
    write = sys.argv[1:] == ["--write"]
    stale = [
        (file, made)
        for file, made in ((FILE, text()), (MANIFEST, manifest()))
        if not file.exists() or file.read_text("utf-8") != made
    ]
    for file, made in stale:
        if write:
            file.parent.mkdir(exist_ok=True)
            file.write_text(made, "utf-8")
        sys.stdout.write(f"{file.name} {'written' if write else 'is not what the code makes'}\n")
    return 0 if write or not stale else 1


if __name__ == "__main__":
    sys.exit(main())
