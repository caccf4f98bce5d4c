"""The grammar of a path, which says where something is: in one table, with an error for each mistake."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

GRAMMAR: Final = {
    "order.id": "an attribute; where there is none, the key of a mapping",
    "parts.0": "the first of a sequence",
    "headers[X-Request-ID]": "a key (or an index), of any letters but `]`",
    "headers['a.b']": "the same, quoted",
    "self.tenant": "from the object whose method is called, whatever its parameter is called",
    "rows.*.tenant": "in `Boundary.ids`: of each of several rows, where a batch is handed over",
    "args.0": "from the first of what `*args` gets, whatever that is called",
    "kwargs.tenant": "from what `**kwargs` gets as `tenant`, whatever that is called",
    "result.tenant": "in `Call.ids`: from what the call returned",
    "app.state:client.session": "from what a module has; nothing is imported for it",
}
"""What can be written, by example. A parameter that is itself called `self`, `args`, `kwargs` or `result` is meant."""

SELF: Final = "self"
ARGS: Final = "args"
KWARGS: Final = "kwargs"
RESULT: Final = "result"
EACH: Final = "*"

_NAME: Final = re.compile(r"\w+")
_MODULE: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_IN_BRACKETS: Final = re.compile(r"\['([^']+)'\]|\[\"([^\"]+)\"\]|\[([^\]'\"][^\]]*)\]")
_UNBRACKETED: Final = re.compile(r"[^.\[\]()\s:]+")


class Key(str):
    """A part in brackets: a key or an index, and no attribute."""

    __slots__ = ()


class Path(NamedTuple):
    """What was read.

    Attributes:
        module: where it starts in a module; else empty.
        parts: the names, indexes and keys that it is made of; at least one.
    """

    module: str
    parts: tuple[str, ...]

    @property
    def root(self) -> str:
        """Where it starts in a call; empty where it does in a module."""
        return "" if self.module else self.parts[0]

    @property
    def is_of_each(self) -> bool:
        """Whether it leads to several."""
        return EACH in self.parts


def parse(text: str) -> Path:
    """Read a path.

    Raises:
        ValueError: it is none; in one sentence that names the place in it, and what was perhaps meant.
    """
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # a file may have anything
        raise ValueError(f"a path is a text, as 'order.id', not {text!r}")  # noqa: TRY004
    module, at = "", 0
    colon = _colon(text)
    if colon >= 0:
        module, at = text[:colon], colon + 1
        if not _MODULE.fullmatch(module):
            raise _mistake(text, 0, "before ':' stands a module", _likely(text))
    return Path(module, tuple(_parts(text, at)))


def of_one(text: str) -> Path:
    """Read a path that leads to one thing.

    Raises:
        ValueError: it is none.
    """
    path = parse(text)
    if path.is_of_each:
        at = text.index(f".{EACH}") + 1 if f".{EACH}" in text else 0
        raise _mistake(text, at, "only ids of a Boundary are of each of several", text.replace(f".{EACH}", ".0"))
    return path


def place_of(text: str, places: Sequence[str]) -> tuple[str, str] | None:
    """Return at which of several places a path starts, and what is left of it; None where it starts at none of them."""
    for place in sorted(places, key=len, reverse=True):
        rest = text.removeprefix(place)
        if rest != text and (not rest or rest[0] in ".["):
            return place, rest
    return None


def parts(text: str) -> tuple[str, ...]:
    """Return the parts of a path that starts on an object, and not in a module.

    Raises:
        ValueError: it is none.
    """
    path = of_one(text)
    if path.module:
        raise _mistake(text, 0, "it starts on the object that is shared, and in no module", text.partition(":")[2])
    return path.parts


def _colon(text: str) -> int:
    # That after a module; one in brackets is of a key.
    colon, bracket = text.find(":"), text.find("[")
    return colon if bracket < 0 or colon < bracket else -1


def _parts(text: str, at: int) -> Iterator[str]:
    first = at
    if at == len(text):
        what = "after ':' stands what the module has" if at else "it is empty: write a name"
        raise _mistake(text, at, what, f"{text}name" if at else "order.id")
    while at < len(text):
        letter = text[at]
        if letter == "[":
            if (found := _IN_BRACKETS.match(text, at)) is None:
                raise _mistake(text, at, _of_bracket(text, at), _likely(text))
            yield Key(found[1] or found[2] or found[3])
        else:
            if letter == "." and at > first:
                at += 1
            elif at > first and letter != ".":
                raise _mistake(text, at, _of_letter(letter), _likely(text))
            if text[at : at + 1] == EACH and at > first:
                yield EACH
                at += 1
                continue
            if (found := _NAME.match(text, at)) is None:
                what = _of_letter(text[at : at + 1])
                raise _mistake(text, at, what if at > first else _of_start(text[at]), _likely(text))
            yield found[0]
        at = found.end()


def _of_bracket(text: str, at: int) -> str:
    inside, closed, _ = text[at + 1 :].partition("]")
    if inside[:1] in ("'", '"'):
        return "the key in quotes ends with the same quote and ']'"
    return "there is no key between '[' and ']'" if closed else "no ']' closes the '['"


def _of_start(letter: str) -> str:
    return "there is no space in a path, but within brackets" if letter.isspace() else "it starts with a name"


def _of_letter(letter: str) -> str:
    if not letter or letter == "[":
        return "a name follows the '.'"
    if letter == ".":
        return "there is no name between two '.'"
    if letter == "]":
        return "no '[' opens the ']'"
    if letter in "()":
        return "nothing is called on the way: name an attribute"
    if letter == ":":
        return "only a module has a ':' after it"
    if letter.isspace():
        return "there is no space in a path, but within brackets"
    if letter.isalnum() or letter == "_":
        return "after ']' comes '.' or '['"
    return f"a key with {letter!r} in it stands in brackets"


def _mistake(text: str, at: int, what: str, likely: str) -> ValueError:
    where = f" (at {text[at : at + 12]!r}, letter {at + 1})" if at < len(text) else " (at its end)"
    hint = f" Did you mean {likely!r}?" if likely and likely != text else ""
    return ValueError(f"{text!r} is no path: {what}{where}.{hint}")


def _likely(text: str) -> str:
    """Return the nearest path to what is none; empty where that is not known."""
    module, colon, rest = text.rpartition(":") if _colon(text) >= 0 else ("", "", text)
    module = module.removesuffix(".py").replace("/", ".").replace(":", ".").strip(". ")
    start = f"{module}:" if colon and module else ""
    found = ""
    for piece in re.findall(r"\[[^\]]*\]?|[^.\[\]]+", re.sub(r"\([^)]*\)?|[()]", "", rest)):
        if piece[0] == "[":
            key = piece.strip("[]").strip().strip("'\"")
            found += f"[{key}]" if key and found else ""
        else:
            name = piece.strip()
            if not name:
                continue
            if _NAME.fullmatch(name):
                found += f".{name}" if found else name
            elif found and _UNBRACKETED.fullmatch(name):
                found += f"[{name}]"
            else:
                name = re.sub(r"\W+", "_", name).strip("_")
                found += (f".{name}" if found else name) if name else ""
    try:
        parse(start + found)
    except ValueError:
        return ""
    return start + found
