"""What becomes of a value that is read, as far as the source of the program shows it."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Sequence
from types import CodeType
from typing import Final, NamedTuple

from otel_handoff.find.calls import derives, is_sentence, name_of, parameter, shows
from otel_handoff.find.seen import At
from otel_handoff.find.source import Function, Source, names_in, source_of

TAKEN, ALONE, COMPARED, SHOWN, CHECKED, PASSED, HIDDEN = range(7)
"""It is used beside something else that the function has, or goes on from there; by itself; it is only compared; it is
printed or logged, or a message says it; it is used where it is compared with something that the function has; where it
is set to what comes next; the source is not there."""

_SAME: Final = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot)
_GOES_ON: Final = (
    *(
        ast.Attribute,
        ast.Subscript,
        ast.BoolOp,
        ast.BinOp,
        ast.IfExp,
        ast.UnaryOp,
        ast.Await,
        ast.Starred,
        ast.NamedExpr,
    ),
    *(ast.FormattedValue, ast.JoinedStr, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.keyword),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
_AS_TEXT: Final = frozenset({"__repr__", "__str__", "__format__"})

_MOST_STEPS: Final = 256
_DEEPEST: Final = 4


class Use(NamedTuple):
    """What becomes of a value.

    Attributes:
        kinds: all that does.
        parts: the attributes of it that are read.
    """

    kinds: frozenset[int]
    parts: frozenset[str]


def use_of(places: Sequence[At]) -> Use:
    """Return what becomes of what is read at the first place; the others are who called that, the nearest first."""
    search = _Search(places, _DEEPEST)
    search.read(search.at_place(0) if places else ())
    if not places:
        search.kinds.add(TAKEN)
    return Use(frozenset(search.kinds or {ALONE}), frozenset(search.parts))


def use_of_variable(code: CodeType, name: str, part: str = "") -> Use:
    """Return what a function does with one of its variables; with `part`, with that attribute of what is in it."""
    search = _Search((), _DEEPEST)
    source = source_of(code.co_filename)
    function = source.function_at(code) if source is not None else None
    if source is None or function is None:
        return Use(frozenset({HIDDEN if source is None else TAKEN}), frozenset())
    at = _At(source, function, "", "", None, False, 0, ())
    search.read(_loads(at, function, name) if not part else search.parts_of(_loads(at, function, name), part))
    return Use(frozenset(search.kinds or {ALONE}), frozenset(search.parts))


class _At(NamedTuple):
    # A value on its way. `value` and `owner` are dumps of what it is in this function, and of what that is read off;
    # `read` is where it was read, as long as it has not left that function.
    source: Source
    node: ast.AST
    value: str
    owner: str
    read: ast.AST | None
    is_said: bool
    depth: int
    back: tuple[_At, ...]


class _Search:
    def __init__(self, places: Sequence[At], deepest: int, known: Iterable[tuple[ast.AST, bool]] = ()) -> None:
        self.kinds: set[int] = set()
        self.parts: set[str] = set()
        self._places = places
        self._deepest = deepest
        self._known = set(known)
        self._left: list[_At] = []

    def read(self, found: Iterable[_At]) -> None:
        """Follow a value from where it is read, or given."""
        self._left += found
        for step, at in enumerate(self._left):  # it grows meanwhile
            if step >= _MOST_STEPS:
                self.kinds.add(TAKEN)
                break
            if (at.node, at.is_said) not in self._known:
                self._known.add((at.node, at.is_said))
                self._follow(at)

    def at_place(self, number: int) -> list[_At]:
        """Return what is worked out at one of the places; where that does not show, say so."""
        code, offset = self._places[number]
        source = source_of(code.co_filename)
        if source is None:
            self.kinds.add(HIDDEN)
            return []
        nodes = source.at(code, offset)
        if not nodes:
            self.kinds.add(TAKEN)
        return [_read(source, node, number) for node in nodes]

    def parts_of(self, found: Iterable[_At], part: str) -> Iterator[_At]:
        """Yield where that attribute of a value is read."""
        for at in found:
            parent = at.source.parents[at.node]
            if not isinstance(parent, ast.Attribute):
                self.kinds.add(TAKEN)
            elif parent.attr == part:
                yield _read(at.source, parent, 0)

    def _follow(self, at: _At) -> None:
        while True:
            node, parent = at.node, at.source.parents[at.node]
            if isinstance(parent, ast.NamedExpr):
                self._keep(at, parent.target)
            elif isinstance(parent, ast.Attribute):
                self.parts.add(parent.attr)
            if isinstance(parent, ast.Call):
                if self._ends_in(at, parent, node):
                    return None
            elif isinstance(parent, ast.Compare) or _is_test(parent, node):
                return self.kinds.add(COMPARED)
            elif isinstance(parent, (ast.Raise, ast.Assert)):
                return self.kinds.add(SHOWN)
            elif isinstance(parent, (ast.Return, ast.Lambda)):
                return self._return(at)
            elif isinstance(parent, (ast.Assign, ast.AnnAssign, ast.AugAssign)) and node is parent.value:
                return self._assign(at, parent)
            elif isinstance(parent, ast.AugAssign):
                return self.kinds.add(PASSED)
            elif isinstance(parent, ast.Expr):
                return self.kinds.add(ALONE)
            elif not isinstance(parent, _GOES_ON):
                return self._take(at)
            at = at._replace(node=parent, is_said=at.is_said or is_sentence(parent))

    def _ends_in(self, at: _At, call: ast.Call, node: ast.AST) -> bool:
        # Whether nothing of it comes back from a function that is called with it.
        if isinstance(at.source.parents[call], ast.Raise) or derives(call, node):
            return False
        if node is call.func:
            self._take(at)
        elif shows(*name_of(call.func), is_said=at.is_said):
            self.kinds.add(SHOWN)
        elif not self._is_within(at, call, node):
            self._take(at, is_alone=self._is_alone(at, call))
        return True

    def _is_within(self, at: _At, call: ast.Call, node: ast.AST) -> bool:
        # Whether the function is found, in the same file, and shows, compares or returns it.
        function = at.source.named(name_of(call.func)[0])
        name = parameter(function, call, node) if function is not None and self._deepest else ""
        if function is None or not name:
            return False
        inner = _Search(self._places, self._deepest - 1, self._known)
        given = at._replace(owner="", read=None, back=(at._replace(node=call), *at.back))
        inner.read(_loads(given, function, name))
        if not inner.kinds <= {SHOWN, COMPARED, CHECKED, PASSED}:
            return False
        self.kinds |= inner.kinds
        self.parts |= inner.parts
        return True

    def _return(self, at: _At) -> None:
        if at.back:
            first, *rest = at.back
            self._left.append(first._replace(is_said=at.is_said, back=tuple(rest)))
        elif at.depth + 1 < len(self._places) and _settled(at) is None:
            self._left += [one._replace(is_said=at.is_said) for one in self.at_place(at.depth + 1)]
        elif getattr(at.source.function_of(at.node), "name", "") in _AS_TEXT:
            self.kinds.add(SHOWN)
        else:
            self._take(at)

    def _assign(self, at: _At, statement: ast.Assign | ast.AnnAssign | ast.AugAssign) -> None:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
                pairs = zip(target.elts, statement.value.elts, strict=False)
                target = next((each for each, value in pairs if _is_in(at, value)), target)  # noqa: PLW2901
            names = [node for node in ast.walk(target) if isinstance(node, ast.Name)]
            if all(isinstance(name.ctx, ast.Store) for name in names):
                for name in names:
                    self._keep(at, name)
            else:
                self._take(at, is_alone=self._is_alone(at, statement))

    def _keep(self, at: _At, name: ast.Name) -> None:
        self._left += _loads(at, at.source.function_of(at.node), name.id)

    def _is_alone(self, at: _At, node: ast.AST) -> bool:
        # Whether the statement names no variable but the one that has the attribute, and nothing of it is kept.
        statement = node
        while not isinstance(statement, ast.stmt):
            statement = at.source.parents[statement]
        if not isinstance(statement, (ast.Expr, ast.Assign)):
            return False
        if isinstance(statement, ast.Assign) and any(map(_is_kept, statement.targets)):
            return False
        local = at.source.local(at.source.function_of(node))
        return not any(name in local for name in names_in(statement, {at.owner, at.value}))

    def _take(self, at: _At, *, is_alone: bool = False) -> None:
        self.kinds.add(ALONE if is_alone else _settled(at) or TAKEN)


def _read(source: Source, node: ast.AST, depth: int) -> _At:
    return _At(source, node, ast.dump(node), _owner(node), node, False, depth, ())


def _owner(node: ast.AST) -> str:
    # The dump of what it is read off: `desk` of `desk.row`, of `desk.newest()` and of `getattr(desk, "row")`.
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
        return ast.dump(node.args[0]) if node.func.id == "getattr" else ""
    if isinstance(node, ast.Call):
        node = node.func
    return ast.dump(node.value) if isinstance(node, ast.Attribute) else ""


def _loads(at: _At, function: Function, name: str) -> list[_At]:
    # Wherever a variable is read that it is kept in.
    return [
        at._replace(node=node, value=ast.dump(node))
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
    ]


def _settled(at: _At) -> int | None:
    if _is_checked(at):
        return CHECKED
    return PASSED if _is_set_from_there(at) else None


def _is_set_from_there(at: _At) -> bool:
    # Whether the function sets the same attribute further down, to something that comes next.
    attribute, line = getattr(at.read, "attr", ""), getattr(at.read, "lineno", 0)
    for node in ast.walk(at.source.function_of(at.node)) if attribute else ():
        if isinstance(node, (ast.Assign, ast.AugAssign)) and not isinstance(node.value, ast.Constant):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            parts = [one for target in targets for one in ast.walk(target) if isinstance(one, ast.Attribute)]
            names = {one.attr for one in parts if isinstance(one.ctx, ast.Store)}
            if attribute in names and node.lineno >= line:
                return True
    return False


def _is_checked(at: _At) -> bool:
    # Whether the function compares the same with something that it has itself.
    function = at.source.function_of(at.node)
    local = at.source.local(function)
    values = {at.value} if at.read is None else {at.value, ast.dump(at.read)}
    for node in ast.walk(function):
        if isinstance(node, ast.Compare) and all(isinstance(op, _SAME) for op in node.ops):
            sides = [node.left, *node.comparators]
            for side in sides:
                others = (name for other in sides if other is not side for name in names_in(other, {at.owner}))
                if ast.dump(_whole(side, values)) in values and not local.isdisjoint(others):
                    return True
    return False


def _whole(node: ast.expr, values: Collection[str]) -> ast.expr:
    # What a part of it is read off.
    while isinstance(node, (ast.Attribute, ast.Subscript)) and ast.dump(node) not in values:
        node = node.value
    return node


def _is_in(at: _At, node: ast.AST) -> bool:
    return at.value in ast.dump(node)


def _is_test(parent: ast.AST, node: ast.AST) -> bool:
    if isinstance(parent, ast.Match):
        return node is parent.subject
    if isinstance(parent, ast.comprehension):
        return node is not parent.iter
    return isinstance(parent, (ast.If, ast.While, ast.Assert, ast.IfExp)) and node is parent.test


def _is_kept(target: ast.AST) -> bool:
    return isinstance(target, (ast.Name, ast.Tuple, ast.List))
