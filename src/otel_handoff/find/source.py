"""The source of a place in the program: the expression that is worked out there, and all that it stands in."""

from __future__ import annotations

import ast
import dis
import linecache
import sys
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from types import CodeType
from typing import Any, Final, cast

from otel_handoff.record.locations import line_of

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.Module
"""What has variables of its own."""

_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.Module)
_MOST_FILES: Final = 256


class Source:
    """A file, parsed.

    Attributes:
        parents: what each node stands in.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.parents: dict[ast.AST, ast.AST] = {}
        self._ends: dict[tuple[int | None, int | None], list[ast.expr]] = {}
        self._functions: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = {}
        self._by_line: dict[int, list[Function]] = {}
        self._local: dict[Function, frozenset[str]] = {}
        for node in ast.walk(tree):
            for inner in ast.iter_child_nodes(node):
                self.parents[inner] = node
            if isinstance(node, ast.expr):
                self._ends.setdefault((node.end_lineno, node.end_col_offset), []).append(node)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._functions.setdefault(node.name, []).append(node)
            if isinstance(node, _FUNCTIONS[:-1]):
                decorators: list[ast.expr] = getattr(node, "decorator_list", [])
                first = min(one.lineno for one in (node, *decorators))
                self._by_line.setdefault(first, []).append(node)

    def at(self, code: CodeType, offset: int) -> Sequence[ast.expr]:
        """Return the expression of an instruction; all that it may be, where only its line is known."""
        first, last, start, end = _span(code, offset)
        if end is not None:
            ending = self._ends.get((last, end), [])
            exact = [node for node in ending if (node.lineno, node.col_offset) == (first, start)]
            # Of a method's call over several lines only the last is told.
            return exact[:1] or [node for node in ending if isinstance(node, ast.Call)][:1]
        return self._on_line(code, offset, line_of(code, offset))

    def _on_line(self, code: CodeType, offset: int, line: int) -> Sequence[ast.expr]:
        # Where a place is but a line, as before Python 3.11.
        nodes = [node for nodes in self._ends.values() for node in nodes if node.lineno == line]
        steps = list(dis.get_instructions(code))
        step = next((step for step in steps if step.offset == offset), None)
        if step is not None and step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            return [node for node in nodes if isinstance(node, ast.Attribute) and node.attr == step.argval]
        calls = [node for node in nodes if isinstance(node, ast.Call)]
        made = [each.offset for each in steps if each.opname.startswith("CALL_") and line_of(code, each.offset) == line]
        if len(calls) == len(made) and offset in made:  # what ends first is called first
            calls.sort(key=lambda node: (node.end_lineno or 0, node.end_col_offset or 0))
            return [calls[made.index(offset)]]
        return calls

    def function_at(self, code: CodeType) -> Function | None:
        """Return the function of a code; None where there is no other than one on the same line."""
        found = [node for node in self._by_line.get(code.co_firstlineno, ()) if _name(node) == code.co_name]
        return found[0] if len(found) == 1 else None

    def function_of(self, node: ast.AST) -> Function:
        """Return the function that a node stands in; the module where it is in none."""
        node = self.parents[node]
        while not isinstance(node, _FUNCTIONS):
            node = self.parents[node]
        return node

    def named(self, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """Return the function or method of that name, if there is one, and no other."""
        found = self._functions.get(name, ())
        return found[0] if len(found) == 1 else None

    def local(self, function: Function) -> frozenset[str]:
        """Return the names of its variables and parameters, and of those of functions around it."""
        known = self._local.get(function)
        if known is None:
            names = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
            stored = (node for node in ast.walk(function) if isinstance(node, ast.Name))
            names |= {node.id for node in stored if isinstance(node.ctx, ast.Store)}
            if isinstance(function, ast.Module):
                names.clear()
            else:
                names |= self.local(self.function_of(function))
            known = self._local[function] = frozenset(names)
        return known


def _name(function: Function) -> str:
    return getattr(function, "name", "<lambda>")


def _span(code: CodeType, offset: int) -> Sequence[int | None]:
    if sys.version_info >= (3, 11):
        for at, span in enumerate(code.co_positions()):
            if 2 * at == offset:
                return span
    return (None,) * 4


@lru_cache(_MOST_FILES)
def source_of(file: str) -> Source | None:
    """Return the source of a file; None where it is not to be had."""
    text = "".join(linecache.getlines(file))
    given: list[str] = cast("Any", sys).orig_argv
    if file == "<string>" and "-c" in given[:-1]:
        text = given[given.index("-c") + 1]
    try:
        return Source(ast.parse(text)) if text else None
    except (SyntaxError, ValueError, RecursionError):
        return None


def names_in(node: ast.AST, without: Collection[str]) -> Iterator[str]:
    """Yield the variables that an expression reads, but those in parts of it whose dump is in `without`."""
    if isinstance(node, ast.expr) and ast.dump(node) in without:
        return
    if isinstance(node, ast.Name):
        yield node.id
    for inner in ast.iter_child_nodes(node):
        yield from names_in(inner, without)
