"""Rows leave the buffer in the order they came."""

from __future__ import annotations

import threading

import pytest

from otel_handoff.demo.pipeline.row_reorder_buffer import RowReorderBuffer, ShutdownError

PATIENCE = 10.0


def test_rows_are_released_in_the_order_of_submission() -> None:
    """Whoever finishes first waits for those before it."""
    buffer: RowReorderBuffer[str] = RowReorderBuffer(3)
    tickets = [buffer.submit(name) for name in "abc"]
    for ticket in reversed(tickets):
        buffer.complete(ticket, ticket.row_id.upper())
    entries = [buffer.wait_for_next_release(PATIENCE) for _ in tickets]
    assert [(entry.row_id, entry.result) for entry in entries] == [("a", "A"), ("b", "B"), ("c", "C")]
    assert buffer.pending_count == 0


def test_a_full_buffer_blocks_until_a_row_is_released() -> None:
    """Backpressure: the submitter waits for room, or gives up in time."""
    buffer: RowReorderBuffer[str] = RowReorderBuffer(1)
    first = buffer.submit("a")
    with pytest.raises(TimeoutError):
        buffer.submit("b", timeout=0.01)
    submitter = threading.Thread(target=buffer.submit, args=("b", PATIENCE))
    submitter.start()
    buffer.complete(first, "A")
    buffer.wait_for_next_release(PATIENCE)
    submitter.join(PATIENCE)
    assert not submitter.is_alive()
    assert buffer.get_metrics() == {"submitted": 2, "released": 1, "evicted": 0, "pending": 1, "most_pending": 1}


@pytest.mark.parametrize("evicted", [0, 1, 2])
def test_an_evicted_row_holds_nobody_up(evicted: int) -> None:
    """Wherever it stood in the line, the others come out; its own late result is refused."""
    buffer: RowReorderBuffer[str] = RowReorderBuffer(3)
    tickets = [buffer.submit(name) for name in "abc"]
    assert buffer.evict(tickets[evicted])
    assert not buffer.evict(tickets[evicted])
    with pytest.raises(KeyError):
        buffer.complete(tickets[evicted], "late")
    others = [ticket for ticket in tickets if ticket is not tickets[evicted]]
    for ticket in others:
        buffer.complete(ticket, ticket.row_id)
    released = [buffer.wait_for_next_release(PATIENCE).row_id for _ in others]
    assert released == [ticket.row_id for ticket in others]


def test_a_finished_row_is_neither_evicted_nor_finished_again() -> None:
    """Once it has a result, it is on its way out."""
    buffer: RowReorderBuffer[str] = RowReorderBuffer(1)
    ticket = buffer.submit("a")
    buffer.complete(ticket, "A")
    assert not buffer.evict(ticket)
    with pytest.raises(ValueError, match="completed before"):
        buffer.complete(ticket, "A")


def test_shutdown_wakes_everybody_who_waits() -> None:
    """The release thread and a blocked submitter both get ShutdownError."""
    buffer: RowReorderBuffer[str] = RowReorderBuffer(1)
    buffer.submit("a")
    woken: list[str] = []

    def release() -> None:
        with pytest.raises(ShutdownError):
            buffer.wait_for_next_release(PATIENCE)
        woken.append("release")

    def submit() -> None:
        with pytest.raises(ShutdownError):
            buffer.submit("b", PATIENCE)
        woken.append("submit")

    threads = [threading.Thread(target=release), threading.Thread(target=submit)]
    for thread in threads:
        thread.start()
    buffer.shutdown()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(woken) == ["release", "submit"]


def test_time_limits_are_kept_and_room_is_required() -> None:
    """Nothing finished, nothing empty, and no buffer of no rows."""
    buffer: RowReorderBuffer[str] = RowReorderBuffer(1)
    buffer.submit("a")
    with pytest.raises(TimeoutError):
        buffer.wait_for_next_release(timeout=0.01)
    assert not buffer.wait_until_empty(timeout=0.01)
    with pytest.raises(ValueError, match="at least 1"):
        RowReorderBuffer[str](0)
