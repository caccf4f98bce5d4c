"""Instrumenting ELSPETH leaves no trace once it is undone."""

from __future__ import annotations

from typing import Any

import pytest

from otel_handoff.elspeth import ElspethInstrumentor
from tests.elspeth.host import mixin_class, wrapped_classes
from tests.telemetry import Telemetry


@pytest.mark.parametrize("mode", ["observe", "pin", "strict"])
def test_uninstrument_restores_every_class(elspeth: Any, mode: str, telemetry: Telemetry) -> None:
    """Every attribute of every class is the object it was, and the context's class has no key more or less."""
    before = {cls: attributes(cls) for cls in wrapped_classes()}
    accept_row = attributes(mixin_class())["accept_row"]
    instrumentor: Any = ElspethInstrumentor()
    instrumentor.instrument(mode=mode, **telemetry.options)
    try:
        assert attributes(mixin_class())["accept_row"] is not accept_row
    finally:
        instrumentor.uninstrument()
    assert attributes(mixin_class())["accept_row"] is accept_row
    for cls, then in before.items():
        now = attributes(cls)
        assert set(now) == set(then)
        assert all(now[name] is value for name, value in then.items())


def attributes(cls: type) -> dict[str, object]:
    """Return a class's own attributes."""
    return dict(vars(cls))
