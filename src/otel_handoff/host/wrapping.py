"""Attaching wrappers to a host that may not be imported yet, and taking off exactly those."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final, cast

import wrapt

from otel_handoff.host.fields import MISSING, Parameters
from otel_handoff.host.guard import guard

_logger = logging.getLogger("otel_handoff")

Wrap = Callable[[Any, Parameters], Any]
"""Makes the stand-in for a function, given its parameters (without `self`)."""

_waiting: Final[dict[str, list[Patch]]] = {}
# A post-import hook of wrapt cannot be taken back, so there is one per module, however often we come and go.


class Patch:
    """One function of the host, replaced when its module is imported and given back by identity."""

    def __init__(self, target: str, wrap: Wrap) -> None:
        self.target: str = target
        self._module, path = target.split(":")
        *self._parents, self.name = path.split(".")
        self.is_method: bool = False
        self._wrap = wrap
        self._parent: Any = None
        self._entries: Mapping[str, Any] = {}
        self._original: Any = MISSING
        self._ours: Any = None

    def apply(self) -> None:
        """Wrap the target now, or as soon as its module is imported. Never imports it."""
        known = self._module in _waiting
        _waiting.setdefault(self._module, []).append(self)
        if known:
            module = sys.modules.get(self._module)
            if module is not None:
                self.attach(module)
        else:
            name = self._module
            wrapt.register_post_import_hook(lambda module: _on_import(name, module), name)

    def remove(self) -> None:
        """Give the host its own function back. If somebody wrapped ours, theirs stays and calls through ours."""
        patches = _waiting[self._module]
        patches.remove(self)
        if self._ours is None:
            return
        if self.on_top:
            if self._original is MISSING:
                delattr(self._parent, self.name)
            else:
                setattr(self._parent, self.name, self._original)
        for above in patches:
            if above._original is self._ours:  # another patch of our own: take ourselves out from beneath it
                above._original = self._original
                above._ours.__wrapped__ = self._ours.__wrapped__
        self._ours = None

    @property
    def on_top(self) -> bool:
        """Whether the host calls our stand-in directly, with no other wrapper above it."""
        return self._ours is not None and self._entries.get(self.name) is self._ours

    def attach(self, module: ModuleType) -> None:
        """Wrap the target in its imported module, once."""
        if self._ours is not None:
            return
        parent: Any = module
        for part in self._parents:
            parent = getattr(parent, part, None)
        function: Any = getattr(parent, self.name, None)
        if not callable(function):
            _logger.warning("%s is not there: this version of the host is not checked at that place.", self.target)
            return
        self._parent = parent
        self._entries = cast("Mapping[str, Any]", vars(parent))
        # The raw entry keeps staticmethod and classmethod; an inherited function is overridden, and deleted later.
        self._original = self._entries.get(self.name, MISSING)
        raw = function if self._original is MISSING else self._original
        self.is_method = isinstance(parent, type) and not isinstance(raw, (staticmethod, classmethod))
        self._ours = self._wrap(raw, Parameters(function, bound=self.is_method))
        setattr(parent, self.name, self._ours)


def _on_import(name: str, module: ModuleType) -> None:
    for patch in list(_waiting.get(name, ())):
        with guard:
            patch.attach(module)
