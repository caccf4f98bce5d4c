"""Reading a boundary's fields off a context object."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from threading import local
from typing import Any, Final, cast
from uuid import UUID

from otel_handoff.host import paths as grammar
from otel_handoff.host.following import Partial, compiled, expression, look, made, variable, walk
from otel_handoff.host.ids import same
from otel_handoff.host.outside import pass_on
from otel_handoff.host.paths import Key
from otel_handoff.host.plainly import MISSING, stored

_logger = logging.getLogger("otel_handoff")

_SO_OFTEN: Final = 16
"""Rows that are read one by one, after one that had to be: most often there is a dict on the way, in each."""


class Fields:
    """A boundary's fields, grouped by the attribute of the context that each path starts at (its root)."""

    def __init__(self, paths: Mapping[str, str], said: Collection[str] = ()) -> None:
        """Read `paths`, from the context; of the fields that are `said` elsewhere, it is known without them."""
        self.paths: dict[str, str] = dict(paths)
        self._said = frozenset(said)
        self._path_of: dict[str, tuple[str, tuple[str, ...]]] = {}
        for name, path in paths.items():
            root, *tail = grammar.parts(path)
            self._path_of[name] = root, tuple(tail)
        self.roots: tuple[str, ...] = tuple(dict.fromkeys(root for root, _ in self._path_of.values()))
        self.has_keys: bool = any(type(root) is Key for root in self.roots)
        """Whether a root is no attribute, but a key of the context."""
        self._plain_roots = compiled("values", {root: f"values[{root!r}]" for root in self.roots})
        same_roots = " and ".join(f"values[{root!r}] is known[{root!r}]" for root in self.roots)
        self._are = made(f"lambda values, known: {same_roots or True}")
        self._attributes = compiled("context", {root: expression("context", [root]) for root in self.roots})
        self._ids = compiled(
            "roots", {name: expression(f"roots[{root!r}]", tail) for name, (root, tail) in self._path_of.items()}
        )
        self._told: set[str] = set()
        self._keyed: int = 0
        self._one_by_one: int = 0

    def roots_of(self, context: Any) -> dict[str, Any]:
        """Return root -> its value now; a `Partial` with None where the context has no such attribute."""
        if self._keyed:
            self._keyed -= 1
        else:
            try:
                return self._attributes(context)
            except Exception as error:  # then one by one
                pass_on(error)
                self._keyed = _SO_OFTEN
        found: dict[str, Any] = {}
        absent: list[str] = []
        beyond: list[str] = []
        for root in self.roots:
            value, wrong = look(context, root)
            found[root] = None if value is MISSING else value
            if wrong and self._is_of_thread(context, root):
                beyond.append(root)
            elif wrong:
                absent.append(root)
                self._tell(root, wrong, self._lost(self._at(root)) or "the fields that start there are not checked.")
            elif value is MISSING:
                beyond.append(root)
        return Partial(found, absent, beyond)

    def plain_roots_of(self, context: Any) -> dict[str, Any]:
        """Return the same for a context that keeps them all in its `__dict__`."""
        try:
            return self._plain_roots(context.__dict__)
        except KeyError:
            return self.roots_of(context)

    def are_plainly(self, context: Any, roots: Mapping[str, Any]) -> bool:
        """Whether a context that keeps them all in its `__dict__` has the very `roots`."""
        try:
            return self._are(context.__dict__, roots)
        except LookupError:
            return False

    def ids_of(self, roots: Mapping[str, Any]) -> dict[str, Any]:
        """Return field -> its value, from the values of the roots; a `Partial` where a path leads nowhere."""
        if type(roots) is not dict:
            pass
        elif self._one_by_one:
            self._one_by_one -= 1
        else:
            try:
                return self._ids(roots)
            except Exception as error:  # then one by one
                pass_on(error)
                self._one_by_one = _SO_OFTEN
        found: dict[str, Any] = {}
        absent: list[str] = []
        beyond: list[str] = []
        for name, (root, tail) in self._path_of.items():
            value: Any = cast("Mapping[str, Any]", roots).get(root)
            if isinstance(roots, Partial) and root in roots.absent:
                absent.append(name)
            elif isinstance(roots, Partial) and root in roots.beyond:
                beyond.append(name)
            else:
                for part in tail:
                    if value is None:
                        beyond.append(name)
                        break
                    value, wrong = look(value, part)
                    if value is MISSING:
                        value = None
                        (absent if wrong else beyond).append(name)
                        if wrong:
                            self._tell(name, wrong, self._lost([name]) or f"the field {name!r} is not checked.")
                        break
            found[name] = value
        return Partial(found, absent, beyond)

    def _at(self, root: str) -> list[str]:
        return [name for name in self.paths if self.root_of(name) == root]

    def _is_of_thread(self, context: Any, root: str) -> bool:
        # Whether this thread has nothing there yet, which says nothing of a row that says itself which it is.
        return isinstance(context, local) and self._said.issuperset(self._at(root))

    def _lost(self, names: Sequence[str]) -> str:
        # What is not done for fields whose path leads nowhere, where rows have their ids from elsewhere.
        if not self._said.issuperset(names):
            return ""
        return f"only what calls file is compared with {', '.join(names)}."

    def _tell(self, name: str, wrong: str, lost: str) -> None:
        if name not in self._told:
            self._told.add(name)
            _logger.warning("%s", f"{wrong} {lost[0].upper()}{lost[1:]}" if wrong.endswith("?") else f"{wrong}: {lost}")

    def ids_at(self, root: str, value: Any) -> dict[str, Any]:
        """Return the fields that start at `root`, which holds `value`."""
        return {name: walk(value, tail) for name, (start, tail) in self._path_of.items() if start == root}

    def changed_in(self, roots: Mapping[str, Any], ids: Mapping[str, object], names: Collection[str]) -> dict[str, Any]:
        """Return those of some fields whose object is the same, and says another id by now: it was changed in place."""
        changed: dict[str, Any] = {}
        for name in names:
            root, tail = self._path_of[name]
            value = roots.get(root)
            if value is not None:
                now = stored(value, tail)
                if now is not MISSING and now is not ids[name] and not same(ids[name], now):
                    changed[name] = now
        return changed

    def tail_of(self, name: str) -> tuple[str, ...]:
        """Return what is left of the path of field `name` after its root."""
        return self._path_of.get(name, ("", ()))[1]

    def expression(self, name: str) -> str:
        """Return the expression of field `name`, where its root is the variable `variable` of it."""
        root, tail = self._path_of[name]
        return expression(variable(root), tail)

    def root_of(self, name: str) -> str:
        """Return the root of field `name`; an empty one, where it is not on the context."""
        return self._path_of[name][0] if name in self._path_of else ""

    def without(self, roots: Collection[str]) -> Fields:
        """Return those that do not start at one of `roots`."""
        rest = {name: path for name, path in self.paths.items() if self.root_of(name) not in roots}
        return Fields(rest, self._said)


_UNCHANGING: Final = (str, bytes, int, float, tuple, frozenset, date, time, timedelta, Decimal, Enum, UUID, type(None))
_MOST_FIXED: Final = 1_000
FIXED: Final[set[Any]] = {str, bytes, int, float, tuple, type(None)}
"""Classes whose instances stay what they are, as far as is known: most ids are in such."""


def is_fixed(cls: Any) -> bool:
    """Whether instances stay what they are, as far as is known: frozen dataclasses, named tuples, and plain values."""
    parameters = getattr(cls, "__dataclass_params__", None)
    fixed = bool(getattr(parameters, "frozen", False)) or issubclass(cls, _UNCHANGING)
    if fixed and len(FIXED) < _MOST_FIXED:
        FIXED.add(cls)
    return fixed
