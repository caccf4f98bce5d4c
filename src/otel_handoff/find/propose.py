"""The boundary that guards a hand-off, as its user would write it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final, NamedTuple, cast

from otel_handoff.find.containers import BEHIND
from otel_handoff.find.held import BUFFERS, CONTEXTVAR, ENVIRONMENT, IN_CONTEXTS, LOCAL, MODULE
from otel_handoff.find.own import is_own_code
from otel_handoff.find.seen import Group, Taker, Work
from otel_handoff.handover.calling import code_of
from otel_handoff.host.callsites import call_sites

_TAKES: Final = {"Queue.put": "queue:Queue.get", "asyncio.Queue.put": "asyncio:Queue.get"}
FUTURE: Final = "Future.set_result"
_WORD: Final = re.compile(r"[^a-z0-9_]+")
_MAIN: Final = "__main__"
_THE_SAME: Final = {
    MODULE: "A global is the same for every row",
    "class": "What a class has is the same for every row",
    "function": "What a function has is the same for every row",
    ENVIRONMENT: "What is in the environment is the same for every row",
    LOCAL: "What a thread has is not there on another",
}
_UNNAMED: Final = ("set", *(cls.__name__ for cls in BUFFERS))
_INSIDE: Final = ("__self__", "cell_contents", BEHIND)
_OF_A_GENERATOR: Final = "gi_frame"
_SELF: Final = ("self", "cls")
_STAYS: Final = (*_SELF, "args", "kwargs")


class Target(NamedTuple):
    """A function as a boundary names it, and what it calls the object.

    Attributes:
        name: `"module:Class.method"`.
        context: the parameter, or the place on the item of a queue.
        code: of the function; None where it is not known.
        why_not: why it cannot be named, in a sentence; empty where it can.
        is_of_main: whether it is a function of the main program, which has another name for who imports it.
    """

    name: str
    context: str
    code: CodeType | None
    why_not: str = ""
    is_of_main: bool = False


def target(group: Group, path: str, kind: str) -> Target:
    """Return the function that works on what is handed over at `path`, of that kind."""
    found = _target_of(group, path)
    if "__closure__" in path or _OF_A_GENERATOR in path.split("."):
        what = "function" if "__closure__" in path else "generator"
        why = f"It is a variable of a {what} that is handed over, in which no boundary can put another: hand it over."
        return found._replace(why_not=found.why_not or why)
    if path.startswith(CONTEXTVAR) and kind != IN_CONTEXTS:
        why = "The object in the ContextVar is the same for every row: set another for each, or hand it over."
        return found._replace(why_not=found.why_not or why)
    if BEHIND in path.split("."):
        why = "No path leads there (a weak reference, a set, a cache, a key that is no text): hand it over itself."
        return found._replace(why_not=found.why_not or why)
    if kind in _UNNAMED:
        why = f"No boundary names what is in a {kind}: hand it over as an argument."
        return found._replace(why_not=found.why_not or why)
    same = _THE_SAME.get(kind.partition(" ")[0])
    if same is None:
        why = ""
        if _is_unseen(group, _parts(path)):
            why = f"Who reads a {kind} is not seen, and no worker is given a copy of this one: hand it over."
        return found._replace(why_not=found.why_not or why)
    return found._replace(context=found.context.rstrip(":"), why_not=f"{same}: hand it over as an argument.")


def _target_of(group: Group, path: str) -> Target:
    if group.work is not None:
        return _of_work(group.work, path)
    taker = group.takers[0] if group.takers else None
    if group.way.startswith("multiprocessing."):
        why = "No boundary follows a row through a queue between processes: put in what does not change, as a copy."
        return Target("", path, None, why)
    if group.way == FUTURE:
        why = "No boundary follows what a future is given: give it what does not change, or a copy."
        return Target("", path, None, why)
    if taker is None:
        return Target("", path, None, "Nobody was seen to take it out of the queue.")
    found = _of_taker(taker, path)
    if group.way in _TAKES or found.why_not:
        return found
    why = (
        "No boundary sees what goes through a SimpleQueue: take a queue.Queue, or do the work in a function of its own."
    )
    return found._replace(why_not=why)


def options(group: Group, found: Target, fields: Mapping[str, str], own: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the options of the boundary; None where there can be none.

    Args:
        group: the hand-overs.
        found: the function that does the work, and where the object is.
        fields: field -> path.
        own: field -> parameter of the work function that says which row it is, where the worker writes the field, too.
    """
    if found.why_not or not fields:
        return None
    given: dict[str, Any] = {"name": _slug(found.name), "work": found.name}
    if found.context.startswith(CONTEXTVAR):
        return {**given, "contextvars": True} if group.work is not None else None
    given.update(context=found.context, fields=dict(fields))
    if own:
        given["ids"] = dict(own)
    if group.work is None:
        given["takes"] = _TAKES[group.way]
    return given


def root_and_rest(group: Group, path: str) -> tuple[str, str]:
    """Return where a context is best said to be, and what leads from there to an object on it."""
    if path.startswith(CONTEXTVAR):
        return path, ""
    first, *inner = _parts(path)
    at = 1 if first in (_STAYS if group.work is not None else ("item",)) else 0
    if inner and _is_a_class(first):
        at = 1
    # What is in a tuple is copied by itself: a copy of the tuple has the same in it.
    for number, part in enumerate(inner, 1):
        if part.isdigit() or part in _INSIDE:
            at = number
        elif part == _OF_A_GENERATOR:
            at = number + 1
    while at < len(inner) and _is_unseen(group, [first, *inner[:at]]):
        at += 1
    if at and first in _SELF and _is_unseen(group, [first, *inner]) and first not in group.plain:
        at = 0
    return ".".join([first, *inner[:at]]), ".".join(inner[at:])


def _is_a_class(name: str) -> bool:
    # No class can be pinned: what it holds can.
    module, colon, variable = name.partition(":")
    there: object = getattr(sys.modules.get(module), variable, None) if colon else None
    return isinstance(there, type)


def _parts(path: str) -> list[str]:
    # A variable of a module is one of them.
    module, colon, rest = path.rpartition(":")
    first, *inner = rest.split(".")
    return [f"{module}{colon}{first}", *inner]


def _is_unseen(group: Group, parts: list[str]) -> bool:
    # An argument is pinned by a copy, with what is in it; anything else where it is read, which of these is not seen.
    first, *inner = parts
    is_given = ":" not in first and first not in _SELF and all(map(str.isdigit, inner))
    return not is_given and ".".join(parts) in group.plain


def written(options: Mapping[str, Any]) -> str:
    """Return it as Python."""
    lines = [f"    {name}={_shown(value)}," for name, value in options.items()]
    short = f"Boundary({', '.join(f'{name}={_shown(value)}' for name, value in options.items())})"
    return short if len(short) <= 100 else "\n".join(["Boundary(", *lines, ")"])


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, cast('list[Any]', value)))}]"
    if not isinstance(value, Mapping):
        return f'"{value}"' if isinstance(value, str) else str(value)
    value = cast("Mapping[str, str]", value)
    return "{" + ", ".join(f'"{name}": "{path}"' for name, path in value.items()) + "}"


def _slug(name: str) -> str:
    words = _WORD.sub("_", name.rpartition(":")[2].rpartition(".")[2].lower()).strip("_")
    return words if words[:1].isalpha() and words not in ("thread", "handoff") else f"row_{words}".strip("_")


def _module(name: str, code: CodeType) -> str:
    # What is run as the main program has another name for everybody who imports it.
    if name != _MAIN:
        return name
    spec = getattr(sys.modules.get(name), "__spec__", None)
    if spec is not None:
        return spec.name.removesuffix(f".{_MAIN}")
    stem = Path(code.co_filename).stem
    return stem if code.co_filename.endswith(".py") and stem.isidentifier() else name


def _of_work(work: Work, path: str) -> Target:
    if work.code is not None and not is_own_code(work.code):
        why = f"{work.module} is no module of the program's: let a function of the program's own do the work."
        return Target(f"{work.module}:{work.name}", path, work.code, why)
    if "<" not in work.name and work.code is not None:
        return _target(work.module, work.name, work.code, path)
    root, _, rest = path.partition(".")
    if work.code is not None:
        for name, code, parameter in _called(work, root):
            return _target(work.module, name, code, f"{parameter}.{rest}" if rest else parameter)
    return Target(
        f"{work.module}:{work.name}",
        path,
        work.code,
        "It is a function within a function, which nobody can name: move it to the module, or let it call one there.",
    )


def _called(work: Work, variable: str) -> Iterator[tuple[str, CodeType, str]]:
    # The functions of the same module that are called with the variable.
    assert work.code is not None
    space = vars(sys.modules[work.module]) if work.module in sys.modules else {}
    for name in code_of(work.code).names:
        for qualname, function in _named(space, name):
            code = function.__code__
            names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            shift = 1 if "." in qualname and names[:1] == ("self",) else 0
            for site in call_sites(work.code, name):
                for position, given in enumerate(site.given):
                    if given == variable and position + shift < len(names):
                        yield qualname, code, names[position + shift]
                for parameter, given in site.named.items():
                    if given == variable:
                        yield qualname, code, parameter


def _named(space: Mapping[str, Any], name: str) -> Iterator[tuple[str, FunctionType]]:
    found = space.get(name)
    if isinstance(found, FunctionType):
        yield name, found
    for owner in list(space.values()):
        if isinstance(owner, type) and isinstance(method := vars(owner).get(name), FunctionType):
            yield method.__qualname__, method


def _of_taker(taker: Taker, path: str) -> Target:
    module, code = taker
    found = next((qualname for qualname, one in _all_of(module) if one.__code__ is code), "")
    if not found:
        return Target(code.co_name, path, code, "What takes it out of the queue is a function that nobody can name.")
    if not path.startswith(("item", CONTEXTVAR)):
        why = "What is shared is the loop's, not the item's: do the work in a function that is called with the item."
        return Target(f"{_module(module, code)}:{found}", path, code, why)
    return _target(module, found, code, path)


def _target(module: str, name: str, code: CodeType, context: str) -> Target:
    known = _module(module, code)
    return Target(f"{known}:{name}", _elsewhere(context, code), code, is_of_main=module == _MAIN and known != _MAIN)


def _elsewhere(context: str, code: CodeType) -> str:
    module, _, path = context.partition(":")
    return f"{_module(module, code)}:{path}" if path else context


def _all_of(module: str) -> Iterator[tuple[str, FunctionType]]:
    for value in list(vars(sys.modules[module]).values()) if module in sys.modules else ():
        if isinstance(value, FunctionType):
            yield value.__qualname__, value
        elif isinstance(value, type):
            for member in list(vars(value).values()):
                function = getattr(member, "__func__", member)
                if isinstance(function, FunctionType):
                    yield function.__qualname__, function
