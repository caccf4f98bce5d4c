"""Hearing of modules when they are loaded, and when they are loaded again.

wrapt's post-import hooks say it once: not after `importlib.reload`, nor of a module that was dropped and imported anew.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import wrapt

if TYPE_CHECKING:
    ObjectProxy = wrapt.ObjectProxy[Any]
else:
    ObjectProxy = wrapt.ObjectProxy

Loaded = Callable[[ModuleType], None]
"""What is called with a module once its code has run."""

_listeners: Final[dict[str, list[Loaded]]] = {}


class _Finder(MetaPathFinder):
    """Finds what the other finders find, with a loader that says when it is done."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not _listeners.get(fullname):
            return None
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find(fullname, path, target) if find is not None else None
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader)
                return spec
        return None


class _Loader(ObjectProxy):
    """A host's loader for one load of one module, which has the host's own back before its code runs."""

    def exec_module(self, module: ModuleType) -> None:
        loader: Loader = self.__wrapped__
        spec = module.__spec__
        for holder, name in ((spec, "loader"), (module, "__loader__")):
            if getattr(holder, name, None) is self:
                setattr(holder, name, loader)
        loader.exec_module(module)
        for listener in list(_listeners.get(module.__name__, ())):
            listener(module)


_finder: Final = _Finder()


def listen(name: str, loaded: Loaded) -> None:
    """Call `loaded` with module `name` each time that it has been loaded, and now if it is there."""
    _listeners.setdefault(name, []).append(loaded)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    module = sys.modules.get(name)
    if module is not None:
        loaded(module)


def stop(name: str, loaded: Loaded) -> None:
    """Call `loaded` no more. With the last listener the finder is gone."""
    listeners = _listeners.get(name, [])
    if loaded in listeners:
        listeners.remove(loaded)
    if not listeners:
        _listeners.pop(name, None)
    if not _listeners and _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
