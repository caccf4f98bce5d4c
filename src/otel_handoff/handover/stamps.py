"""Whether a submit function that writes an id may have handed over its row by then, as its source says."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

from otel_handoff.handover.transport import Handing
from otel_handoff.host.made import FILES

_OURS: Final = str(Path(__file__).parents[1])
_BEGINS: Final = (str(Path(_OURS, "around", "submit.py")), str(Path(_OURS, "handover", "stepwise.py")))
_LOOPS: Final = (ast.For, ast.AsyncFor, ast.While)
_BLOCKS: Final = (ast.With, ast.AsyncWith)
_HARMLESS: Final = frozenset({"getattr", "hasattr", "setattr", "isinstance", "type", "id", "__setattr__"})


def may_be_gone(handing: Handing) -> bool:
    """Whether a function that is running, from the writer out to the submit function, may have given away the context.

    It may where it named the context, as a whole, before the line that it is at: `queue.put((ctx, body))` does, and so
    do `item = (ctx, body)` and `ctx.rows.put(body)`; `ctx.row` and `ctx.row = 1` do not. Without source it may.
    """
    return any(_gave_away(frame, handing, writes=not depth) for depth, frame in enumerate(_running(handing)))


def _running(handing: Handing) -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_OURS) and name not in FILES:
            yield frame
        elif name in FILES:
            if frame.f_locals.get("handing_") is handing:
                return
        elif name in _BEGINS and handing in (
            frame.f_locals.get("handing"),
            getattr(frame.f_locals.get("around"), "handing", None),
        ):
            return
        frame = frame.f_back


def _gave_away(frame: FrameType, handing: Handing, *, writes: bool) -> bool:
    names = frozenset(name for name, value in frame.f_locals.items() if _has(value, handing))
    return _named_before(frame.f_code, frame.f_lineno, names, writes)


def _has(value: object, handing: Handing) -> bool:
    several: Any = value
    if type(value) is tuple:
        return any(map(handing.is_about, several))
    return any(map(handing.is_about, several.values())) if type(value) is dict else handing.is_about(value)


@lru_cache(1_000)
def _named_before(code: CodeType, line: int, names: frozenset[str], writes: bool) -> bool:  # noqa: FBT001  of a cache
    at = line - code.co_firstlineno + 1
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
        statement = max((one for one in ast.walk(tree) if isinstance(one, ast.stmt) and _spans(one, at)), key=_line)
    except (OSError, SyntaxError, TypeError, ValueError):  # or it is that of something else by now, without such a line
        return True
    again = {number for at_lines, lines in _again(tree) if at in at_lines for number in lines}
    here = {id(node) for part in _parts(statement) for node in ast.walk(part)}
    given = {id(node) for node in _given(statement)} if not writes else set[int]()
    return any(
        name.lineno in again or (id(name) not in given if id(name) in here else name.lineno < at)
        for name in _wholes(tree, names)
    )


def _spans(statement: ast.stmt, at: int) -> bool:
    return statement.lineno <= at <= (statement.end_lineno or 0)


def _line(statement: ast.stmt) -> int:
    return statement.lineno


def _parts(statement: ast.stmt) -> Iterator[ast.AST]:
    # What of a statement is run where it is, without the statements within it.
    return (node for node in ast.iter_child_nodes(statement) if not isinstance(node, (ast.stmt, ast.ExceptHandler)))


def _given(statement: ast.stmt) -> Iterator[ast.expr]:
    # What is given to the call that a statement is: where it is still running, it is the one that leads to the write.
    call: Any = getattr(statement, "value", None) or getattr(statement, "test", None)
    if isinstance(call, ast.Await):
        call = call.value
    if isinstance(call, ast.Call):
        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
            yield argument.value if isinstance(argument, ast.Starred) else argument


def _again(tree: ast.AST) -> Iterator[tuple[range, range]]:
    # At which lines others may have run that are not before: in a loop all of it; at a `with` that is left, its body.
    for node in ast.walk(tree):
        if isinstance(node, (*_LOOPS, *_BLOCKS)):
            lines = range(node.lineno, (node.end_lineno or 0) + 1)
            head = range(node.lineno, max(node.lineno, node.body[0].lineno - 1) + 1)
            yield (lines if isinstance(node, _LOOPS) else head), lines


def _wholes(tree: ast.AST, names: frozenset[str]) -> Iterator[ast.Name]:
    # Where one of `names` is more than the object whose attribute is meant.
    attributes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if _name_of(node.func) in _HARMLESS and node.args:
                attributes.add(id(node.args[0]))
            elif isinstance(node.func, ast.Attribute):
                attributes.discard(id(_called_on(node)))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name) or id(node) in attributes:
            continue
        if node.id in names and isinstance(node.ctx, ast.Load):
            yield node


def _called_on(call: ast.Call) -> ast.expr:
    # The object whose method is called; of what it holds only if that is given something: `ctx.rows.put(row)`.
    on = call.func.value if isinstance(call.func, ast.Attribute) else call.func
    if call.keywords or not all(isinstance(argument, ast.Constant) for argument in call.args):
        while isinstance(on, ast.Attribute):
            on = on.value
    return on


def _name_of(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
