"""What a call does with what it is given, by the name of what is called: whether it shows it to people."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Final

_DERIVES: Final = frozenset({"str", "repr", "format", "int", "list", "dict", "tuple", "set", "sorted", "min", "max"})
_LOGS: Final = frozenset({"debug", "info", "warning", "warn", "error", "exception", "critical", "log"})
_LOGGERS: Final = frozenset({"log", "logger", "logging", "getlogger", "get_logger", "warnings"})
_STREAMS: Final = frozenset({"stdout", "stderr"})
_SAYS_WORDS = "log echo print say show display write progress status banner description postfix"
_SAYS: Final = frozenset(_SAYS_WORDS.split())
"""Words in the name of a function: if it is given a sentence, that is for people."""

_SENTENCE: Final = re.compile(r"[A-Za-z]{2,}\W*\s|\s\W*[A-Za-z]{2,}")


def name_of(function: ast.expr) -> tuple[str, str]:
    """Return the name of a function that is called, and that of what it is read off; empty where there is none."""
    if isinstance(function, ast.Attribute):
        value = function.value.func if isinstance(function.value, ast.Call) else function.value
        return function.attr, getattr(value, "attr", "") or getattr(value, "id", "")
    return getattr(function, "id", ""), ""


def shows(name: str, owner: str, *, is_said: bool) -> bool:
    """Whether a function prints or logs what it is given, or is given a sentence (`is_said`) to show."""
    if not owner and name == "print":
        return True
    if is_said and not _SAYS.isdisjoint(name.lower().split("_")):
        return True
    return (name in _LOGS and owner.strip("_").lower() in _LOGGERS) or (name == "write" and owner in _STREAMS)


def derives(call: ast.Call, node: ast.AST) -> bool:
    """Whether what a call returns is made of one of its arguments alone, or of what it is a method of."""
    name, owner = name_of(call.func)
    if node is call.func:
        return not (call.args or call.keywords) or hasattr(str, name)
    return (not owner and name in _DERIVES) or (owner, name) == ("json", "dumps") or _is_of_text(call)


def _is_of_text(call: ast.Call) -> bool:
    # Whether it is a method of a text that stands there: `"...".format(...)`.
    return isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Constant)


def is_sentence(node: ast.AST) -> bool:
    """Whether an expression puts values into a text with words in it."""
    if isinstance(node, ast.JoinedStr):
        parts: Iterable[ast.AST] = node.values
    elif isinstance(node, ast.BinOp):
        parts = [node.left]
    else:
        parts = [node.func.value] if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ()
    return any(isinstance(part, ast.Constant) and _SENTENCE.search(str(part.value)) for part in parts)


def parameter(function: ast.FunctionDef | ast.AsyncFunctionDef, call: ast.Call, node: ast.AST) -> str:
    """Return what a function calls what a call gives it; empty where that does not show."""
    if function.decorator_list or any(isinstance(one, ast.Starred) for one in call.args):
        return ""
    given = function.args
    names = [one.arg for one in (*given.posonlyargs, *given.args)]
    if isinstance(node, ast.keyword):
        return str(node.arg) if node.arg in {*names, *(one.arg for one in given.kwonlyargs)} else ""
    position = next(number for number, one in enumerate(call.args) if one is node)
    position += isinstance(call.func, ast.Attribute) and names[:1] == ["self"]
    if position < len(names):
        return names[position]
    return given.vararg.arg if given.vararg is not None else ""
