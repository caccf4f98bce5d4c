"""What a function's code shows: the functions in it, and what it gives to another that it calls by name."""

from __future__ import annotations

from collections.abc import Iterator
from dis import Instruction, get_instructions
from types import CodeType
from typing import Any, Final, NamedTuple, cast

_PASSED_OVER: Final = frozenset({"PUSH_NULL", "PRECALL", "CACHE", "NOP", "EXTENDED_ARG"})
_CALLS: Final = frozenset({"CALL", "CALL_FUNCTION", "CALL_METHOD", "CALL_KW", "CALL_FUNCTION_KW"})
_ATTRIBUTES: Final = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_CONSTANTS: Final = frozenset({"LOAD_CONST", "LOAD_SMALL_INT", "LOAD_COMMON_CONSTANT"})
_PAIR: Final = cast("type[Any]", tuple)


class CallSite(NamedTuple):
    """One call.

    Attributes:
        given: by position, the variable or the attribute; empty where it is neither.
        named: the same of what is given by name.
    """

    given: tuple[str, ...]
    named: dict[str, str]


def codes_in(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of a function, and of the functions in it."""
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from codes_in(inner)


def call_sites(code: CodeType, name: str) -> Iterator[CallSite]:
    """Yield the calls of what is called `name`, a variable or an attribute, as far as nothing is computed for them."""
    steps = [step for step in get_instructions(code) if step.opname not in _PASSED_OVER]
    for at, step in enumerate(steps):
        if step.opname.startswith("LOAD_") and step.argval == name:
            site = _site(code, steps[at + 1 :])
            if site is not None:
                yield site


def _site(code: CodeType, steps: list[Instruction]) -> CallSite | None:
    given: list[str] = []
    keywords: tuple[str, ...] = ()
    constant: Any = ()
    for step in steps:
        kind = step.opname
        if kind == "KW_NAMES":
            keywords = cast("tuple[str, ...]", code.co_consts[step.arg or 0])
        elif kind in _CALLS:
            if kind in ("CALL_KW", "CALL_FUNCTION_KW"):
                keywords = constant
                given.pop()
            if step.arg != len(given):
                return None
            first = len(given) - len(keywords)
            return CallSite(tuple(given[:first]), dict(zip(keywords, given[first:], strict=True)))
        elif kind in _ATTRIBUTES:
            if not given:
                return None
            given[-1] = step.argval
        elif kind in _CONSTANTS:
            constant = step.argval
            given.append("")
        elif kind.startswith(("LOAD_FAST", "LOAD_DEREF", "LOAD_GLOBAL", "LOAD_NAME")):
            given += step.argval if isinstance(step.argval, _PAIR) else [step.argval]
        else:
            return None
    return None
