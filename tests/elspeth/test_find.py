"""`find` is told nothing of ELSPETH, and proposes the hand-off that this package declares for it."""

from __future__ import annotations

import threading

import pytest

from otel_handoff.elspeth import BOUNDARIES
from otel_handoff.find import session
from otel_handoff.find.found import WRONG
from tests.elspeth.host import Host, Work, mixin_class

ROWS = [f"row-{number}" for number in range(6)]


@pytest.mark.parametrize("mode", ["off"])
def test_what_is_proposed(host: Host) -> None:
    """Its work function, its context and its ids; five of six rows in flight read the last one's."""
    all_in = threading.Event()

    def record(work: Work) -> None:
        assert all_in.wait(60)
        work.record()

    session.start(["elspeth"])
    try:
        transform = host.transform({(name, 0): record for name in ROWS})
        for name in ROWS:
            host.submit(transform, host.token(name))
        all_in.set()
        host.close()
        result = session.result()
    finally:
        session.stop()
    (found,) = [found for found in result.found if found.verdict == WRONG]
    assert found.wrong == sum(under != [who] for who, under in host.filed().items()) == 5
    (shipped,) = [one for one in BOUNDARIES if one.work.startswith(f"{mixin_class().__module__}:")]
    assert found.boundary is not None
    assert (found.boundary["work"], found.boundary["context"]) == (shipped.work, shipped.context)
    assert set(found.boundary["fields"]) == {"token_id", "row_id", "state_id"}
    assert found.boundary["fields"].items() <= dict(shipped.fields).items()
