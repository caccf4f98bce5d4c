"""What a process holds while nothing is in flight, and whether it has become more."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from otel_handoff.record.gaps import Gap


class Sample(NamedTuple):
    """What a process holds.

    Attributes:
        rows: handed over so far.
        rss: resident memory, in bytes; 0 where `/proc` is not there.
        blocks: allocated by Python's own allocator.
        objects: tracked instances of classes of this package.
        threads: alive.
        fds: open file descriptors; 0 where `/proc` is not there.
    """

    rows: int
    rss: int
    blocks: int
    objects: int
    threads: int
    fds: int


def sample(rows: int) -> Sample:
    """Collect the garbage, and count.

    No thread of the process may be building anything meanwhile: CPython lets `gc.get_objects` hand out a tuple that
    another thread has not finished, which then fails there.
    """
    gc.collect()
    tracked: list[object] = gc.get_objects()
    objects = sum(_is_ours(type(each)) for each in tracked)
    proc = Path("/proc/self")
    rss = int((proc / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if proc.exists() else 0
    fds = len(list((proc / "fd").iterdir())) if proc.exists() else 0
    return Sample(rows, rss, sys.getallocatedblocks(), objects, threading.active_count(), fds)


def _is_ours(cls: type[object]) -> bool:
    # Of gaps there are at most as many as the boundaries declare parts, whenever a part is found not to be met.
    return str(cls.__module__).startswith("otel_handoff") and cls is not Gap


def slope(samples: Sequence[Sample], of: Callable[[Sample], int]) -> float:
    """Return the growth per row, by least squares."""
    rows = sum(each.rows for each in samples) / len(samples)
    mean = sum(map(of, samples)) / len(samples)
    spread = sum((each.rows - rows) ** 2 for each in samples)
    return sum((each.rows - rows) * (of(each) - mean) for each in samples) / spread if spread else 0.0


_RSS: Final = 4 << 20
"""Bytes of growth that are put down to the allocator's and the kernel's own ways."""
_BLOCKS: Final = 2_000
"""Blocks of growth that are put down to caches of the interpreter and the libraries."""


def settled(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Return the samples after warm-up: the first fifth of them, in which caches fill and pools grow."""
    return samples[len(samples) // 5 :]


def grown(samples: Sequence[Sample]) -> list[str]:
    """Say what became more after warm-up.

    Threads, descriptors and our own objects must not be more at the end at all. Memory must not follow the rows:
    growth by the fitted slope over all rows, beyond what an allocator does by itself.
    """
    samples = settled(samples)
    first, last = samples[0], samples[-1]
    rows = last.rows - first.rows
    found = [
        f"{name}: {getattr(first, name)} -> {getattr(last, name)}"
        for name in ("objects", "threads", "fds")
        if getattr(last, name) > getattr(first, name)
    ]
    for name, allowed in (("rss", _RSS), ("blocks", _BLOCKS)):
        per_row = slope(samples, lambda each, name=name: getattr(each, name))
        if per_row * rows > allowed:
            found.append(f"{name}: {per_row:.3f} a row, over {rows:,} rows")
    return found
