"""What is taken of a context when its row is handed over, in one made function: the copy, the roots, the ids.

And what is on it, to know later whether somebody has written to it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from operator import is_
from typing import Any, Final, cast

from otel_handoff.host.fields import FIXED, Fields
from otel_handoff.host.following import expression, no_tuple, variable
from otel_handoff.host.made import made

Values = tuple[Any, ...]
"""The objects that a context holds in its `__dict__`, in order."""

Taken = tuple[Any, dict[str, Any], dict[str, Any], Values | None]
"""A context's copy (or itself), root -> value, field -> id; and what is on the copy, where that is all it holds."""

Snapshot = Callable[[Any], Taken]
"""Takes that of a context; raises where it is not as usual."""

_new: Final = cast("Callable[[type], Any]", object.__new__)
_MOST: Final = 32


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
    lines.append(f"    roots_ = {{{roots}}}")
    lines.append(f"    return handed_, roots_, {{{ids}}}, {'(*values_.values(),)' if copies else None}")
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


def unusual(_context: Any) -> Taken:
    """Say of each context that it is not as most are."""
    raise Unusual


def holds(context: Any, values: Values) -> bool:
    """Whether a context that is copied as usual has the very objects on it that it had, and no more.

    It is asked four times for each row, so that no class's `__eq__` is.
    """
    now = context.__dict__
    try:
        return len(now) == len(values) and all(map(is_, now.values(), values))
    except RuntimeError:  # another thread adds to them
        return False


def holding(name: str, attributes: Collection[Any]) -> Callable[[Any, Values], bool]:
    """Return what does so for a class whose instances have these attributes.

    Where an instance has as many others, it says no: that is looked at more closely.
    """
    if not 0 < len(attributes) <= _MOST or not all(type(each) is str and each.isascii() for each in attributes):
        return holds
    values = "".join(f"value{n}, " for n, _ in enumerate(attributes))
    same = " and ".join(f"now[{each!r}] is value{n}" for n, each in enumerate(attributes))
    source = (
        "def holds(context, values):\n"
        "    now = context.__dict__\n"
        "    try:\n"
        f"        {values}= values\n"
        f"        if len(now) == {len(attributes)} and {same}:\n"
        "            return True\n"
        "    except KeyError:\n"
        "        pass\n"
        "    except ValueError:\n"
        "        return otherwise(context, values)\n"
        "    return False\n"
    )
    return made(f"what a {name} holds", source, {"otherwise": holds})


def named(values: Values, context: Any, copy: Any) -> dict[str, Any]:
    """Return what was on both a context and its copy, by name: what was added since stands behind."""
    names = [*context.__dict__][: len(values)]
    if len(names) < len(values):  # something was taken off it
        names = [*copy.__dict__]
    return dict(zip(names, values, strict=False))
