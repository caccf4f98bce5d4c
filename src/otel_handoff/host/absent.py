"""An attribute that is not there, of the standard library alone: for a pickle that is loaded where we are not.

A class in a pickle cannot be told to lack what it is given, so it is given a descriptor which says that it has nothing.
It is no data descriptor: an instance that has a value of its own is read, written and deleted as if there were none.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from operator import attrgetter
from typing import Any


def absent(name: str) -> tuple[Callable[..., object], tuple[object, ...]] | tuple[object, tuple[object, ...], object]:
    """Return what `pickle` makes a descriptor of that raises AttributeError for each instance without a value."""
    # The space: a field may be called as a dict's method is.
    missing = attrgetter(f"__dict__.{name} ")
    if sys.version_info >= (3, 12):
        return functools.cached_property, (missing,), {"attrname": name}
    # There a cached property has a lock, and could not be pickled on.
    getter: Any = property(missing)
    return functools.partialmethod, (getter,)
