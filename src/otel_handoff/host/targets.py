"""What a target names: `"module:Class.method"`, as far as its module is imported."""

from __future__ import annotations

import sys
from typing import Any


def found_at(target: str) -> Any:
    """Return what is there now, or None; a path that is empty is the module itself. Nothing is imported for it."""
    module, _, path = target.partition(":")
    found: Any = sys.modules.get(module)
    for name in path.split(".") if path else ():
        found = getattr(found, name, None)
    return found
