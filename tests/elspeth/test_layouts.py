"""Whatever the release: each part of the hand-over is wrapped, once."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from otel_handoff import Mismatch
from otel_handoff.elspeth import BOUNDARIES
from tests.elspeth.host import Host, Work
from tests.steps import capture
from tests.telemetry import Telemetry


@pytest.mark.parametrize("mode", ["observe", "pin", "strict"])
def test_each_declared_part_is_there(host: Host, mode: str) -> None:
    """In one layout all of it: the submit and work functions, eviction, and each call at one of its places."""
    attached = {target for layout in BOUNDARIES for target in targets(layout) if is_wrapped(target)}
    (layout,) = [layout for layout in BOUNDARIES if layout.submit in attached]
    assert layout.evict is not None
    assert {layout.submit, layout.work, layout.evict.target} <= attached
    assert [len(attached.intersection(call.targets)) for call in layout.calls] == [1] * len(layout.calls)


def targets(layout: Any) -> list[str]:
    """Return every place that a layout names."""
    return [
        layout.submit,
        layout.work,
        layout.evict.target,
        *(place for call in layout.calls for place in call.targets),
    ]


def is_wrapped(target: str) -> bool:
    """Look at the host itself, without importing anything."""
    module, _, path = target.partition(":")
    found: Any = sys.modules.get(module)
    for name in path.split("."):
        found = getattr(found, name, None)
    return hasattr(found, "__wrapped__")


@pytest.mark.parametrize("mode", ["observe", "pin", "strict"])
@pytest.mark.parametrize("way", [Work.record, capture])
def test_a_call_is_one_call(host: Host, mode: str, way: Any, mismatches: list[Mismatch], telemetry: Telemetry) -> None:
    """One span for it, whether a plugin records it on its context or a client on the landscape."""
    host.execute(host.transform({("A", 0): way}), host.token("A"))
    host.close()
    assert host.filed() == {("A", 0): [("A", 0)]}
    (span,) = [span for span in telemetry.spans() if span.name.endswith(".record_call")]
    assert span.attributes is not None
    assert span.attributes["elspeth.state_id"] == host.state("A")
    assert span.attributes["elspeth.call.index"] == 0
    assert mismatches == []
