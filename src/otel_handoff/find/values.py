"""Which values may say which row it is."""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import Enum
from typing import Any, Final
from uuid import UUID

from otel_handoff.host.plainly import class_of

_SIMPLE: Final = frozenset({str, int, bytes, float, bool, type(None), UUID})

_SAYS_WORDS = (
    "id ids uuid guid key token tenant user customer client account owner order request req trace "
    "span session correlation row record job task run batch message msg event ticket invoice node "
    "document doc item episode target number pk code ref reference sku email"
)
_SAYS: Final = frozenset(_SAYS_WORDS.split())
"""Words in the name of what says which row it is."""

_IDS: Final = frozenset({"id", "ids", "ident", "identifier", "uid", "uuid", "guid"})

_COUNTS_WORDS = (
    "count counts total size len length index attempt attempts pending done time at seconds since "
    "until state status level progress bytes version retries errors hits misses calls number_of n num"
)
_COUNTS: Final = frozenset(_COUNTS_WORDS.split())
"""Words in the name of what counts, or says how it is going: it changes with each row as well, and is of all."""

_LATEST: Final = frozenset({"last", "latest", "newest", "next", "previous", "prev", "max", "min", "recent", "highest"})
"""Words in the name of what is of the newest row, on purpose."""

_CREDENTIALS_WORDS = "access api auth authorization bearer cookie credential csrf jwt password refresh secret"
_CREDENTIALS: Final = frozenset(_CREDENTIALS_WORDS.split())
"""Words in the name of what opens something: who uses it takes the newest."""

_EVERYBODYS_WORDS = (
    "catalog catalogue config configuration checkpoint epoch feature flag flags generation leader lease model primary "
    "release schema settings snapshot version watermark"
)
_EVERYBODYS: Final = frozenset(_EVERYBODYS_WORDS.split())
"""Words in the name of what all rows have in common, until there is a newer one."""

_PLACES_WORDS = (
    "backend broker bucket channel connection endpoint gateway host lane machine mirror node partition proxy queue "
    "region replica server shard slot target thread worker zone"
)
_PLACES: Final = frozenset(_PLACES_WORDS.split())
"""Words in the name of where something is done: that may go round."""

_TELLS_WORDS = "alive beat gauge healthcheck heartbeat keepalive monitor ping progress spinner ticker watchdog"
_TELLS: Final = frozenset(_TELLS_WORDS.split())
"""Words in the name of a function that is no row's work, but says how things are."""

_PEOPLE: Final = frozenset({"tenant", "user", "customer", "client", "account", "owner"})
"""Words in the name of whom something is for: that may be a name with blanks."""

NO, PERHAPS, SURELY = range(3)
"""How surely an attribute says which row it is."""

_FEW: Final = 2
_LONGEST: Final = 64
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LIKE_AN_ID: Final = re.compile(r"(?=.*\d)\S{1,128}", re.ASCII)


def is_plain(value: object) -> bool:
    """Whether a value is compared, and hashed, by no code of the program's."""
    return class_of(value) in _SIMPLE


def is_simple(value: object) -> bool:
    """Whether a value is compared as it is: text, a number, a UUID, a member of an enum, or nothing."""
    kind = class_of(value)
    return kind in _SIMPLE or issubclass(kind, (str, int, UUID, Enum))


def says_which(name: str, values: Collection[Any]) -> bool:
    """Whether an attribute says which row it is, as far as its name and its values show.

    Args:
        name: of the attribute.
        values: some that it had.
    """
    values = [value for value in values if value is not None]
    if not values or any(class_of(value) in (bool, float) or isinstance(value, Enum) for value in values):
        return False
    words = _words(name)
    if words & _IDS:
        return True
    if words & _COUNTS:
        return False
    if words & _SAYS or all(_looks_like_an_id(value) for value in values):
        return True
    # Of each row another text: what says how something is going comes back.
    return len(values) > _FEW and len(set(values)) == len(values) and all(_is_a_word(value) for value in values)


def how_surely(name: str, values: Collection[Any]) -> int:
    """Return `SURELY`, `PERHAPS` or `NO`: the name says it; it is text, a number or the like; it is everybody's."""
    values = [value for value in values if value is not None]
    if any(class_of(value) in (bool, float) for value in values):
        return NO
    words = _words(name)
    if words & _COUNTS and not words & (_SAYS | _IDS):
        return NO
    if words & (_CREDENTIALS | _EVERYBODYS) or (not words & (_IDS | _PEOPLE) and any(map(_is_prose, values))):
        return PERHAPS
    is_named = bool(words & _IDS) or (bool(words & _SAYS) and not words & _COUNTS)
    is_of_one = is_named or (bool(values) and all(isinstance(value, UUID) for value in values))
    return SURELY if is_of_one and values and not words & _LATEST and says_which(name, values) else PERHAPS


def is_the_newest(name: str) -> bool:
    """Whether the name says that it is of the newest row, on purpose."""
    return bool(_words(name) & _LATEST)


def tells_how_it_is(name: str) -> bool:
    """Whether the name of a function says that it tells how things are, and not that it does so for a row."""
    words = _words(name)
    return bool(words & (_TELLS | {f"{word}s" for word in _TELLS})) and not words & (_SAYS | _IDS)


def is_a_place(name: str) -> bool:
    """Whether the name says where something is done, which may go round."""
    return bool(_words(name) & _PLACES)


def _words(name: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(name)}


def _is_prose(value: object) -> bool:
    return isinstance(value, str) and any(map(str.isspace, value))


def _is_a_word(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST and not any(map(str.isspace, value))


def _looks_like_an_id(value: object) -> bool:
    if isinstance(value, str):
        return _LIKE_AN_ID.fullmatch(value) is not None
    return isinstance(value, (UUID, bytes))
