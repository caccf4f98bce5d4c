"""What of a declaration cannot work, as far as the functions that it names show it."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Final

from otel_handoff.boundary import Boundary
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.paths import ARGS, KWARGS, SELF, parse
from otel_handoff.host.suggest import can_be_found, nearest, nearest_module
from otel_handoff.host.wrapping import class_of, layers, run_otherwise


@dataclass(frozen=True)
class Fault:
    """A part of a boundary that cannot work.

    Attributes:
        role: `submit` or `work`.
        text: what is wrong with it, to follow the function's name.
        do: what to do about it.
        is_certain: whether it cannot be otherwise; else the boundary may be checked all the same.
    """

    role: str
    text: str
    do: str
    is_certain: bool = True


def missing(boundary: Boundary) -> Iterator[Fault]:
    """Yield which of its functions are not there, as far as that is known: no module is imported for it."""
    if boundary.submit is not None:
        yield from _missing("submit", boundary.submit)
    yield from _missing("work", boundary.work)
    if boundary.takes is not None:
        yield from _missing("takes", boundary.takes)
    for call in boundary.calls:
        faults = [list(_missing("calls", target)) for target in call.targets]
        if all(faults):
            yield faults[0][0]
    for pool in boundary.pools:
        yield from _missing("pools", pool)


def _missing(role: str, target: str) -> Iterator[Fault]:
    module, _, path = target.partition(":")
    do = f"Correct it in Boundary({role}=...)."
    if module in sys.modules:
        found: Any = sys.modules[module]
        for part in path.split("."):
            if not hasattr(found, part):
                yield Fault(role, f"{target} is not there", f"{do}{nearest(part, dir(found))}")
                return
            found = getattr(found, part)
    elif not can_be_found(module):
        yield Fault(role, f"there is no module {module!r}", f"{do}{nearest_module(target)}")


def faults(boundary: Boundary, submit: Any, work: Any) -> Iterator[Fault]:
    """Yield what cannot work, or hardly can, though both functions are there.

    Args:
        boundary: as declared.
        submit: its function that hands over; wrapped or not. None where it names none.
        work: its function that works.
    """
    if boundary.takes is not None:
        return  # a loop is given nothing
    if submit is not None and (boundary.submit in STANDARD or _is_of_a_pool(submit)):
        text = "is a pool's own, which takes whatever it is given, and no function of yours"
        do = "Leave submit out: work alone is enough where a pool, a thread or an event loop is given it."
        yield Fault("submit", text, do)
        return
    for place in boundary.places if boundary.fields else ():
        yield from _without_context(boundary, place, submit, work)
    if submit is not None and (boundary.submit == boundary.work or inspect.unwrap(submit) is inspect.unwrap(work)):
        text = "is the function that hands over, too: no worker is recognised by it"
        yield Fault("work", text, "Name as Boundary(work=...) the function that then does the work.")
    elif ways := _may_be_run_elsewhere(work):
        text = f"has {', '.join(ways)}, by which it may be run as something else than what is called here"
        do = "If it is, name as Boundary(work=...) the plain function that does the work."
        yield Fault("work", text, do, is_certain=False)
    if (otherwise := run_otherwise(work)) is not None:
        kind, ways = otherwise
        text = f"is a {kind} (it has {', '.join(ways)}), which is run as something else than what is called here"
        yield Fault("work", text, "Name as Boundary(work=...) the plain function that does the work.")
    if loop := _takes_in_a_loop(work):
        text = f"takes items off a queue in a loop, by {loop}(): what it is given is no row"
        do = (
            f"Where it does the work itself, name what it takes them with, as Boundary(takes='queue:Queue.{loop}'), "
            "and the place of the context on an item, as context='item.1'; else name as work what it then calls."
        )
        yield Fault("work", text, do, is_certain=False)
    if submit is not None and _look_swapped(boundary, inspect.unwrap(submit), inspect.unwrap(work)):
        text = f"hands {_name(boundary.hands_over)} on, which is declared as submit: the two look swapped"
        yield Fault("work", text, "submit is the function that hands over, work the one that does the work.")


STANDARD: Final = frozenset(
    {
        "concurrent.futures:ThreadPoolExecutor.submit",
        "concurrent.futures:ThreadPoolExecutor.map",
        "concurrent.futures:Executor.submit",
        "concurrent.futures:Executor.map",
        "asyncio:to_thread",
        "asyncio:create_task",
        "asyncio:gather",
        "threading:Thread",
        "multiprocessing.pool:ThreadPool.apply_async",
        "multiprocessing.pool:ThreadPool.map",
        "multiprocessing.pool:ThreadPool.imap",
    }
)
"""What is easily named as the function that hands over, and takes any callable."""

_POOLS: Final = ("concurrent.futures.", "multiprocessing.pool", "asyncio.", "threading", "anyio.", "trio.", "joblib.")


def _is_of_a_pool(submit: Any) -> bool:
    module = str(getattr(inspect.unwrap(submit), "__module__", ""))
    return f"{module}.".startswith(_POOLS)


_TAKES: Final = frozenset({"get", "get_nowait", "receive", "receive_nowait", "popleft"})


def _takes_in_a_loop(work: Any) -> str:
    """Return by which method a function takes items off a queue in a loop; empty where it does not."""
    tree = _tree(work)
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.While)] if tree is not None else []
    for node in (node for loop in loops for node in ast.walk(loop) if isinstance(node, ast.Call)):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if name in _TAKES and not (name == "get" and node.args):  # a dict's has a key
            return name
    return ""


_RUNS_ELSEWHERE: Final = (
    *("send", "send_with_options", "kiq", "defer", "defer_async", "enqueue", "schedule", "submit", "map", "delay"),
    *("apply_async", "remote", "spawn"),
)
"""What a task of a queue has, of whatever make, by which it is run in another place."""


def _may_be_run_elsewhere(work: Any) -> list[str]:
    """Return by which of its attributes a task may be run elsewhere; nothing where that is certain, or unlikely."""
    if run_otherwise(work) is not None:
        return []
    for layer in layers(work):
        kind = class_of(layer)
        # What decorates a function may leave it a function, and hang a method on it, as rq's does.
        has = {**vars(kind), **getattr(layer, "__dict__", {})} if kind is FunctionType else dict.fromkeys(dir(kind))
        if found := [name for name in _RUNS_ELSEWHERE if name in has]:
            return found
    return []


def _without_context(boundary: Boundary, place: str, submit: Any, work: Any) -> Iterator[Fault]:
    taken = {"work": parameters(work)} if submit is None else {"submit": parameters(submit), "work": parameters(work)}
    shared = set(taken.get("submit") or taken["work"] or ()) & set(taken["work"] or ()) - {"self", "cls"}
    for role, found in taken.items():
        if found is None or place in found or _starts_there(boundary, place, role, found):
            continue
        names = [name for name, kind in found.items() if kind not in _ANY and name not in ("self", "cls")]
        hint = nearest(place, names) or f" Its parameters are {', '.join(names)}." if names else ""
        by_keyword = inspect.Parameter.VAR_KEYWORD in found.values()
        if by_keyword and inspect.Parameter.VAR_POSITIONAL not in found.values():
            text = f"takes any keyword, and {place!r} by no other way: a row without it is not checked"
            yield Fault(role, text, f"Name in Boundary(context=...) what callers pass.{hint}", is_certain=False)
            continue
        if role == "work" and names and submit is not None:
            text = f"takes no {place}: its rows are known where it is given the very object by another name"
            yield Fault(role, text, f"Where it is given another, correct the Boundary.{hint}", is_certain=False)
            continue
        text, do = f"takes no {place}", f"Correct the parameter in the Boundary.{hint}"
        if is_open_ended(found):
            text += " by name, only whatever it is given"
            do = f"Name as Boundary({role}=...) a function of your own around it that takes the context."
        else:
            text += "" if shared else ", and shares no parameter with the other function"
            do = do if names else f"Name as Boundary({role}=...) a function that takes the context."
        yield Fault(role, f"{text}: nothing can be compared there", do)


def _starts_there(boundary: Boundary, place: str, role: str, found: Mapping[str, Any]) -> bool:
    # Whether a place that is no parameter starts at something that the function has. The work function need not.
    module, (root, *tail) = parse(place)
    target = boundary.hands_over if role == "submit" else boundary.work
    if module or (root == SELF and "." in target.partition(":")[2]):
        return True
    if role == "work" and (tail or root == SELF):
        return True
    kinds = {ARGS: inspect.Parameter.VAR_POSITIONAL, KWARGS: inspect.Parameter.VAR_KEYWORD}
    return root in found if root not in kinds or root in found else kinds[root] in found.values()


def is_open_ended(found: Mapping[str, Any]) -> bool:
    """Whether a function with these parameters takes others, too."""
    return any(kind in _ANY for kind in found.values())


_ANY: Final = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)


def parameters_of(parent: Any, function: Any) -> Parameters | None:
    """Return the parameters of what `parent`, a class or a module, has; None where they cannot be read."""
    raw = inspect.getattr_static(parent, getattr(function, "__name__", ""), function)
    bound = isinstance(parent, type) and not isinstance(raw, (staticmethod, classmethod))
    try:
        return Parameters(function, bound=bound)
    except (TypeError, ValueError):
        return None


def parameters(function: Any) -> dict[str, Any] | None:
    """Return parameter -> its kind; None where they cannot be read."""
    try:
        return {name: parameter.kind for name, parameter in inspect.signature(function).parameters.items()}
    except (TypeError, ValueError):
        return None


# -- submit and work the other way round


def _look_swapped(boundary: Boundary, submit: Any, work: Any) -> bool:
    # A worker may well call the submit function, for the next row. One that passes it on as something to be run, by a
    # submit function that does not do so in turn, is the one that hands over.
    return _passes(work, _name(boundary.hands_over)) and not _passes(submit, _name(boundary.work))


def _tree(function: Any) -> ast.Module | None:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
    except (OSError, TypeError, SyntaxError, ValueError):
        return None


def _passes(function: Any, name: str) -> bool:
    tree = _tree(function)
    if tree is None:
        return False
    given: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            given += node.args
            given += [keyword.value for keyword in node.keywords]
    return any(_is_named(value, name) for argument in given for value in _within(argument))


def _within(argument: ast.expr) -> Sequence[ast.AST]:
    return argument.elts if isinstance(argument, (ast.Tuple, ast.List)) else [argument]


def _is_named(value: ast.AST, name: str) -> bool:
    return (isinstance(value, ast.Attribute) and value.attr == name) or (
        isinstance(value, ast.Name) and value.id == name
    )


def _name(target: str) -> str:
    return target.rpartition(":")[2].rpartition(".")[2]
