"""A soak of seconds, and that a soak would notice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from otel_handoff import Mismatch
from otel_handoff.around.running import Run, Running
from otel_handoff.handover.lease import Lease
from tests.soak.free import Free
from tests.soak.growth import Sample, grown
from tests.soak.load import MODES, Soak
from tests.soak.report import failures, report


def test_two_seconds() -> None:
    """In observe and in pin the detector and the oracle agree, and nothing has grown."""
    soak = Soak()
    soak.run(2)
    assert failures(soak) == []
    assert all(soak.totals[mode].rows > 0 for mode in MODES)
    assert list(report(soak, "a command", 2.0))[-1].startswith("Detector and oracle agree")


def found_with(on_mismatch: Callable[[Soak, Mismatch], None], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Soak for a second, with what the detector tells changed on its way to the oracle."""
    monkeypatch.setattr(Soak, "on_mismatch", on_mismatch)
    soak = Soak()
    soak.run(1)
    return failures(soak)


def test_a_report_that_is_lost_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector that says nothing of one field misses what the oracle knows."""
    told: Callable[[Soak, Mismatch], None] = Soak.on_mismatch

    def forgetful(soak: Soak, mismatch: Mismatch) -> None:
        if "attempt" not in mismatch.observed:
            told(soak, mismatch)

    assert any(text.endswith("missed") for text in found_with(forgetful, monkeypatch))


def test_a_report_too_many_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector that tells a call twice raises a false alarm."""
    told: Callable[[Soak, Mismatch], None] = Soak.on_mismatch

    def stammering(soak: Soak, mismatch: Mismatch) -> None:
        told(soak, mismatch)
        if (mismatch.evidence, mismatch.outcome) == ("call", "used"):
            told(soak, mismatch)

    assert any(text.endswith("false alarm") for text in found_with(stammering, monkeypatch))


def test_rows_that_are_kept_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector that keeps every tenth row grows."""
    kept: list[Lease] = []
    begin = Running.begin

    def keeping(running: Running, lease: Lease) -> Run:
        if lease.submission.number % 10 == 0:
            kept.append(lease)
        return begin(running, lease)

    monkeypatch.setattr(Running, "begin", keeping)
    soak = Soak()
    soak.run(1)
    assert any(text.startswith("grown: objects") for text in failures(soak))


def samples(**growing: float) -> list[Sample]:
    """Twenty samples over a million rows, in which some counts grow by so much a row."""

    def count(name: str, base: int, rows: int) -> int:
        noise = rows * 7919 % 13 * base // 1000
        return base + (noise if name in ("rss", "blocks") else 0) + int(growing.get(name, 0) * rows)

    base = {"rss": 50 << 20, "blocks": 100_000, "objects": 160, "threads": 4, "fds": 7}
    return [
        Sample(rows, **{name: count(name, value, rows) for name, value in base.items()})
        for rows in range(50_000, 1_050_000, 50_000)
    ]


def test_a_level_that_sways_has_not_grown() -> None:
    """Memory goes up and down by itself."""
    assert grown(samples()) == []


@pytest.mark.parametrize(
    ("name", "a_row"), [("rss", 8), ("blocks", 0.01), ("objects", 0.0001), ("threads", 1e-5), ("fds", 1e-5)]
)
def test_what_follows_the_rows_has_grown(name: str, a_row: float) -> None:
    """Eight bytes a row, or a block in a hundred rows, or one thread in all."""
    [found] = grown(samples(**{name: a_row}))
    assert found.startswith(name)


def test_a_program_that_is_stuck_is_given_up() -> None:
    """Two tasks wait for what nobody does: the run ends, and says so."""
    free = Free(0)
    idle: list[None] = []
    free.on_idle = lambda: idle.append(None)

    def forever() -> Any:
        free.wait(lambda: False)

    for name in ("one", "two"):
        free.spawn(name, forever)
    free.run()
    assert len(idle) == 1
    assert sum("never ends" in text for text in free.failures) == 2
