"""Make docs/api.md, or say whether it is up to date: `python -m tests.docs.api [--write]`.

In the repository the page has each public name as it is called, and what its docstring says first of it and of each
parameter. On the site, which can show whole docstrings, each of these parts makes room for one: see `for_site`.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from tests.docs.tables import DOCS, Tables, main

PAGE: Final = DOCS / "api.md"
_WIDTH: Final = 100


@dataclass(frozen=True)
class Shown:
    """What of a public name is shown: some of its members, and, as mkdocstrings takes them, options for the site."""

    members: Sequence[str] = ()
    options: str = ""


_PATH: Final = "show_root_full_path: true"
NAMES: Final = {
    "otel_handoff.HandoffInstrumentor": Shown(),
    "otel_handoff.elspeth.ElspethInstrumentor": Shown(options=_PATH),
    "otel_handoff.elspeth.BOUNDARIES": Shown(options=f"show_attribute_values: false, {_PATH}"),
    "otel_handoff.processor.HandoffSpanProcessor": Shown(options=_PATH),
    "otel_handoff.dask.HandoffPlugin": Shown(options=_PATH),
    "otel_handoff.Boundary": Shown(["from_mapping", "attribute"]),
    "otel_handoff.Call": Shown(),
    "otel_handoff.Emission": Shown(),
    "otel_handoff.current_submission": Shown(),
    "otel_handoff.Submission": Shown(["location", "attributes"], "merge_init_into_class: false"),
    "otel_handoff.Mismatch": Shown(["location", "is_error", "as_dict"]),
    "otel_handoff.Write": Shown(["location"]),
    "otel_handoff.HandoffMismatchError": Shown(),
}
"""What the page has, in its order."""


def for_site(page: str) -> str:
    """Return the page with what mkdocstrings shows in the place of each made part."""

    def shown(found: re.Match[str]) -> str:
        of = NAMES[found[1]]
        members = f"members: [{', '.join(of.members)}]" if of.members else "members: false"
        return f"::: {found[1]}\n    options: {{{', '.join(filter(None, (members, of.options)))}}}"

    return re.sub(r"<!-- made of (otel_handoff\S+) -->\n.*?<!-- end -->", shown, page, flags=re.DOTALL)


def _part(name: str, shown: Shown) -> Iterator[str]:
    module_name, _, own = name.rpartition(".")
    thing = getattr(importlib.import_module(module_name), own)
    yield f"### {own if module_name == 'otel_handoff' else name}"
    yield ""
    yield "```python"
    yield from _called(module_name, own, thing)
    yield "```"
    yield ""
    yield _first_line(thing) if callable(thing) else _of_constant(module_name, own)
    members = ((_member(thing, name), _first_line(inspect.getattr_static(thing, name))) for name in shown.members)
    rows = [*_explained(inspect.getdoc(thing) or ""), *members] if callable(thing) else []
    if rows:
        yield ""
        yield "| | |"
        yield "|---|---|"
        yield from (f"| `{name}` | {said} |".replace("`|`", "`\\|`") for name, said in rows)


def _explained(docstring: str) -> Iterator[tuple[str, str]]:
    """Yield each parameter or attribute of a docstring, and the first sentence about it."""
    section = re.search(r"^(?:Args|Attributes):\n((?:    .*\n|\n)+)", f"{docstring}\n", re.MULTILINE)
    for name, said in re.findall(r"^    (\w+): (.*\n(?:     .*\n)*)", section[1] if section else "", re.MULTILINE):
        sentence, *_ = re.split(r"(?<=[^.])\. ", " ".join(said.split()), maxsplit=1)
        yield name, sentence.removesuffix(".")


def _called(module_name: str, own: str, thing: Any) -> Iterator[str]:
    if not callable(thing):
        return iter([f"from {module_name} import {own}"])
    said = re.search(r"`(instrument\(.*?\))`", inspect.getdoc(thing) or "", re.DOTALL)
    if said:  # it takes whatever its base class passes on: its docstring has what
        inner = " ".join(said[1].split()).removeprefix("instrument(").removesuffix(")")
        return _laid_out(f"{own}().instrument", re.split(r", (?=\w+=)", inner))
    return _laid_out(own, _parameters(thing), "" if isinstance(thing, type) else _returned(thing))


def _laid_out(name: str, parameters: Sequence[str], returned: str = "") -> Iterator[str]:
    line = f"{name}({', '.join(parameters)}){returned}"
    if len(line) <= _WIDTH:
        yield line
        return
    yield f"{name}("
    yield from (f"    {parameter}," for parameter in parameters)
    yield f"){returned}"


def _returned(thing: Any) -> str:
    return f" -> {inspect.signature(thing).return_annotation}"


def _parameters(thing: Callable[..., object]) -> list[str]:
    parameters = inspect.signature(thing).parameters.values()
    made = {one.name: one.default_factory for one in fields(thing)} if is_dataclass(thing) else {}
    found: list[str] = []
    for parameter in parameters:
        factory = made.get(parameter.name, MISSING)
        default = parameter.default if factory is MISSING else factory()
        annotation = "" if parameter.annotation is parameter.empty else f": {parameter.annotation}"
        given = "" if default is parameter.empty else f" = {default!r}".replace("'", '"')
        found.append(f"{'**' * (parameter.kind is parameter.VAR_KEYWORD)}{parameter.name}{annotation}{given}")
    return found


def _member(thing: Any, name: str) -> str:
    member = inspect.getattr_static(thing, name)
    if isinstance(member, property):
        return f".{name}"
    parameters = _parameters(getattr(thing, name))
    own = parameters if isinstance(member, (classmethod, staticmethod)) else parameters[1:]
    return f".{name}({', '.join(own)}){_returned(getattr(thing, name))}".replace("|", "\\|")


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").partition("\n\n")[0].replace("\n", " ")


def _of_constant(module_name: str, own: str) -> str:
    """Return the text that stands below a name of a module."""
    body = ast.parse(inspect.getsource(importlib.import_module(module_name))).body
    for assigned, said in pairwise(body):
        match assigned, said:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))) if name == own:
                return " ".join(text.partition("\n\n")[0].split())
            case _:
                pass
    raise KeyError(own)


def _parts() -> dict[str, Callable[[], Iterator[str]]]:
    return {name: partial(_part, name, shown) for name, shown in NAMES.items()}


PAGES: Final[dict[Path, Tables]] = {PAGE: _parts()}

if __name__ == "__main__":
    sys.exit(main(PAGES))
