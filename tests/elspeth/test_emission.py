"""What ELSPETH's release thread emits, when taking the next result out of the buffer fails."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from otel_handoff import Mismatch
from tests.elspeth.host import SHORT, Host
from tests.steps import idle, wait


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("mode", ["off", "observe", "pin", "strict"])
def test_an_error_of_the_next_row_emitted_under_the_row_before(
    host: Host, mode: str, mismatches: list[Mismatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    """0.1 emits it as the result of the row before; in pin it gets to its own. Later versions end their thread."""
    emitted: list[tuple[str, str]] = []
    adapter: Any = host.adapter
    adapters: Any = adapter.__class__
    emit = adapters.emit
    dead = threading.Event()

    def tap(self: Any, token: Any, result: Any, state_id: Any) -> None:
        emitted.append((host.names[token.token_id], type(result).__name__))
        if len(emitted) == 2:
            dead.set()
        emit(self, token, result, state_id)

    monkeypatch.setattr(adapters, "emit", tap)

    def died(_: object) -> None:
        dead.set()

    monkeypatch.setattr(threading, "excepthook", died)
    transform = host.transform({("A", 0): idle, ("B", 0): idle})
    host.submit(transform, host.token("A")).wait()
    take, fail, begun = transform._batch_buffer.wait_for_next_release, threading.Event(), threading.Event()

    def broken(timeout: float | None = None) -> Any:
        begun.set()
        entry = take(timeout=timeout)
        if fail.is_set():
            fail.clear()
            raise RuntimeError("broken")
        return entry

    transform._batch_buffer.wait_for_next_release = broken
    wait(begun)
    fail.set()
    second = host.submit(transform, host.token("B"))
    wait(dead)
    stale = len(emitted) == 2
    if mode == "pin" and stale:
        with pytest.raises(RuntimeError, match="broken"):
            second.wait()
    else:
        with pytest.raises(TimeoutError):
            second.wait(timeout=SHORT)
    host.close()
    outcome = {"observe": "used", "pin": "prevented", "strict": "blocked"}
    expected = [(outcome[mode], "B", "A")] if stale and mode != "off" else []
    assert [told(host, mismatch) for mismatch in mismatches] == expected


def told(host: Host, mismatch: Mismatch) -> tuple[str, str, str]:
    """Return the outcome, and the rows of the two tokens."""
    return (
        mismatch.outcome,
        host.names[str(mismatch.expected["token_id"])],
        host.names[str(mismatch.observed["token_id"])],
    )
