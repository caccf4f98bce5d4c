"""What happens at the same time, below one another."""

from __future__ import annotations


def put(ends: list[int], start: int, end: int) -> int:
    """Return the first track that is free at `start`, taken until `end`.

    Args:
        ends: when each track is free again; a new one is added where none is.
        start: in nanoseconds, as all of these.
        end: likewise.
    """
    track = next((index for index, last in enumerate(ends) if last <= start), len(ends))
    ends[track : track + 1] = [end]
    return track
