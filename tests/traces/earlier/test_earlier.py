"""Traces of earlier versions are read as they were then, which docs/releasing.md promises."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from otel_handoff.version import __version__
from tests.traces.earlier.verdict import HERE, VERDICTS, verdict

RECORDED: dict[str, dict[str, Any]] = {
    f"{file.parent.name}/{trace}": made
    for file in sorted(HERE.glob(f"*/{VERDICTS}"))
    for trace, made in json.loads(file.read_text("utf-8")).items()
}


def kept(recorded: Any, now: Any) -> Any:
    """Return of `now` what `recorded` has too: a later version may tell more of a trace."""
    if isinstance(recorded, dict) and isinstance(now, dict):
        told = cast("dict[str, Any]", now)
        return {key: kept(value, told.get(key)) for key, value in cast("dict[str, Any]", recorded).items()}
    if isinstance(recorded, list) and isinstance(now, list):
        one, other = cast("list[Any]", recorded), cast("list[Any]", now)
        return list(map(kept, one, other)) if len(one) == len(other) else other
    return now


@pytest.mark.parametrize("trace", RECORDED)
def test_a_trace_is_judged_as_it_was(trace: str) -> None:
    """With the same exit codes, counts, mismatches and records, and as much drawn."""
    now = json.loads(json.dumps(verdict(HERE / trace)))
    assert kept(RECORDED[trace], now) == RECORDED[trace]


def test_every_kind_of_mismatch_is_in_them() -> None:
    """Every evidence and outcome, found by a detector and in the spans; hashed ids, stale work, torn ids; and none."""
    told = (made["mismatches"] + made.get("exposures", []) for made in RECORDED.values())
    mismatches = [each for listed in told for each in listed]
    assert {each["evidence"] for each in mismatches} == {"start", "end", "read", "span", "call", "result"}
    assert {each["outcome"] for each in mismatches} == {"used", "blocked", "prevented", "exposed"}
    assert {each["found_by"] for each in mismatches} == {"detector", "check"}
    assert {each["stale"] for each in mismatches} == {each["torn"] for each in mismatches} == {True, False}
    assert any(str(value).startswith("hashed:") for each in mismatches for value in each["observed"].values())
    assert {made["check exits with"] for made in RECORDED.values()} == {0, 1}


def test_a_version_that_is_released_has_left_its_traces() -> None:
    """`python -m tests.traces.earlier` makes them."""
    assert "dev" in __version__ or (HERE / __version__ / VERDICTS).is_file()


def traces() -> Iterator[Path]:
    """The files, of all versions."""
    yield from HERE.glob("*/*.jsonl")


def test_every_trace_has_a_verdict() -> None:
    """None is kept for nothing; and none says where it was made."""
    assert {f"{path.parent.name}/{path.name}" for path in traces()} == set(RECORDED)
    assert [path.name for path in traces() if 'File \\"' in path.read_text("utf-8")] == []
