"""What is taken of a context when its row is handed over: the copy, the roots and the ids, in one made function."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final, cast

from otel_handoff.host.fields import FIXED, Fields
from otel_handoff.host.following import expression, no_tuple, variable
from otel_handoff.host.made import made

Snapshot = Callable[[Any], tuple[Any, dict[str, Any], dict[str, Any]]]
"""Given a context, returns its copy (or itself), root -> value, and field -> id; raises where it is not as usual."""

_new: Final = cast("Callable[[type], Any]", object.__new__)


class Unusual(Exception):  # noqa: N818 - it is no error: the row goes the slow way
    """A class is not watched as it was."""


def snapshot(name: str, fields: Fields, watching: Collection[str], watched: type, *, copies: bool) -> Snapshot:
    """Return what takes all of a context that keeps its fields in its `__dict__`, and is copied as usual.

    Args:
        name: of its class.
        fields: the boundary's.
        watching: the roots that the class itself has a descriptor for, which may have been replaced.
        watched: the class of these descriptors.
        copies: whether a copy is made.
    """
    lines = ["def snapshot(context_):"]
    if watching:
        lines.append("    there_ = type(context_).__dict__")
        lost = " or ".join(f"type(there_[{root!r}]) is not watched_" for root in watching)
        lines += [f"    if {lost}:", "        raise unusual_"]
    if copies:
        lines += [
            "    handed_ = new_(type(context_))",
            "    values_ = handed_.__dict__",
            "    values_.update(context_.__dict__)",
        ]
    else:
        lines += ["    handed_ = context_", "    values_ = context_.__dict__"]
    lines += [f"    {variable(root)} = values_[{root!r}]" for root in fields.roots]
    lines += _on_the_way(fields)
    roots = ", ".join(f"{root!r}: {variable(root)}" for root in fields.roots)
    ids = ", ".join(f"{field!r}: {fields.expression(field)}" for field in fields.paths)
    lines.append(f"    return handed_, {{{roots}}}, {{{ids}}}")
    source = "\n".join(lines) + "\n"
    if not source.isascii():
        return unusual
    try:
        return made(
            f"snapshot of {name}",
            source,
            {"new_": _new, "watched_": watched, "unusual_": Unusual, "other": no_tuple, "fixed_": FIXED},
        )
    except SyntaxError:  # a keyword among the names, say
        return unusual


def _on_the_way(fields: Fields) -> list[str]:
    # What can be changed in place on the way to an id is looked at in the slow way.
    lines: list[str] = []
    for field in fields.paths:
        root, tail = fields.root_of(field), fields.tail_of(field)
        for size in range(len(tail)):
            line = f"    if {expression(variable(root), tail[:size])}.__class__ not in fixed_:"
            if line not in lines:
                lines += [line, "        raise unusual_"]
    return lines


def unusual(_context: Any) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Say of each context that it is not as most are."""
    raise Unusual
