"""What is drawn of rows that left, on real Celery workers: in which process each thing was."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_handoff.check.reading import judged
from otel_handoff.report.drawing import draw
from otel_handoff.report.lanes import Lanes
from otel_handoff.report.scene import Scenes
from otel_handoff.traces.files import find
from tests.engines.conftest import needs_celery, run

pytestmark = [needs_celery, pytest.mark.timeout(120)]

N = 4


def test_each_process_has_its_lanes_and_each_write_is_where_it_was_made(tmp_path: Path) -> None:
    """What was overwritten before it left was by the sender; before a retry, by the worker that gave it up."""
    shop = run(tmp_path, "by_group", "by_retry", pool="prefork", count=N, want=2 * N)
    files = find([str(shop.folder / "sender.jsonl"), str(shop.folder / "worker.jsonl")])
    with judged(files) as read:
        findings = [finding for finding in read.judge.findings() if finding.is_mismatch]
        scenes = [Scenes(read.judge.store).of(finding) for finding in findings]
    assert len(scenes) == len(shop.wrong("by_group")) + len(shop.wrong("by_retry")) == 2 * N - 1
    for scene in scenes:
        assert scene.own is not None
        assert scene.write is not None
        sender, worker = scene.submitted.place, scene.own.way.worked_at
        assert scene.use.place == worker != sender
        is_retry = scene.finding.submission.boundary == "again"
        assert (scene.write.place == sender) == (not is_retry)
        assert [row.delivery for row in (*scene.again, scene.own)] == ([1, 2] if is_retry else [1])
        if is_retry:
            assert scene.write.place == scene.again[0].way.worked_at
        assert scene.own.left is not None
        assert scene.own.submitted_ns < scene.own.left.time_ns < scene.own.start_ns
        assert scene.own.way.behind_ns == 0  # one machine, one clock
        bands = [band.place for band in Lanes(scene).bands]
        assert bands[0] == sender
        assert worker in bands[1:]
        assert draw(scene).count('class="place"') == 3 * len(bands)
