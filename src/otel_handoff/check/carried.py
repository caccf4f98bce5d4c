"""What a span carries of ids, as one text: two spans with the same text carry the same ids.

Most spans agree with their row, letter by letter. That is asked of the database, and only the others are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any, Final, NamedTuple

_MOST: Final = 100
_LONGEST: Final = 2000
_END: Final = "\0"


class _Fields(NamedTuple):
    """The fields of a row: what gets their values, and what a text of them begins with."""

    values: Callable[[Mapping[str, Any]], Any]
    prefix: str


class Carried:
    """Tells of spans what they carry: of the fields that the rows of a boundary have, as far as these are known."""

    def __init__(self, aliases: Iterable[str]) -> None:
        """Leave alone what has one of `aliases`: these names carry an id besides."""
        self._aliases = frozenset(aliases)
        self._known: dict[tuple[str, tuple[str, ...]], _Fields] = {}
        self._last: dict[str, _Fields] = {}
        self._names: set[str] = set()

    @property
    def none(self) -> str:
        """What a span carries that carries none of the ids, as long as there are no other fields."""
        return f"none{_END}{len(self._known)}"

    def by_row(self, boundary: str, ids: Mapping[str, str]) -> str:
        """Return what a row carries: its ids; an empty text where those below it are to be looked at."""
        key = boundary, tuple(ids)
        fields = self._known.get(key)
        if fields is None:
            if not ids or len(self._known) >= _MOST:
                return ""
            names = [f"{boundary}.{name}" for name in ids]
            # Of one name alone, it is no tuple that is got.
            fields = _Fields(itemgetter(*names, names[0]), f"{len(self._known)}{_END}")
            self._known[key] = fields
            self._names.update(names)
        self._last[boundary] = fields
        values = [*ids.values()]
        return _text(fields.prefix, [*values, values[0]])

    def by_call(self, boundary: str, values: Mapping[str, Any]) -> str:
        """Return what a call carries of the fields of its boundary, likewise."""
        fields = self._last.get(boundary)
        if fields is None or not self._aliases.isdisjoint(values):
            return ""
        try:
            return _text(fields.prefix, fields.values(values))
        except KeyError:
            return ""

    def by_another(self, values: Mapping[str, Any]) -> str:
        """Return what a span of somebody else's carries, likewise: of the fields of the boundary that it has ids of."""
        if not self._aliases.isdisjoint(values):
            return ""
        for fields in self._last.values():
            try:
                return _text(fields.prefix, fields.values(values))
            except KeyError:
                pass
        return self.none if self._names.isdisjoint(values) and len(self._known) < _MOST else ""


def _text(prefix: str, ids: Any) -> str:
    try:
        text = _END.join(ids)
    except TypeError:
        text = _END.join(map(str, ids))
    # Of what has the mark within, it could not be said where one id ends.
    return prefix + text if len(text) <= _LONGEST and text.count(_END) == len(ids) - 1 else ""
