"""Make docs/command-line.md and docs/settings.md, or say whether they are up to date: `python -m tests.docs.reference`.

They are made of what a user is told elsewhere: the parsers' help, and the docstrings of the environment variables.
`--write` writes them.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from itertools import pairwise
from typing import Any, Final
from unittest.mock import Mock

from otel_handoff import cli, environment_variables
from otel_handoff.declare.settings import BoundariesConfiguration
from otel_handoff.testing import options
from tests.docs.tables import DOCS, Tables, main


def _table(*rows: Sequence[str]) -> Iterator[str]:
    for number, row in enumerate(rows):
        yield f"| {' | '.join(row)} |"
        if number == 0:
            yield "|" + "---|" * len(row)


def variables() -> dict[str, str]:
    """Return the meaning of each environment variable."""
    body = ast.parse(inspect.getsource(environment_variables)).body
    found: dict[str, str] = {}
    for named, said in pairwise(body):
        match named, said:
            case ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(text.split("\n\n", 1)[1].split())
            case _:
                pass
    return found


def settings() -> Iterator[str]:
    """Yield the settings: from code and a file where an instrumentor has such an option, and from the environment."""
    in_code = {option.name for option in fields(BoundariesConfiguration)}
    rows: list[Sequence[str]] = [("environment", "from code, in a file", "")]
    for variable, meaning in variables().items():
        name = variable.removeprefix("OTEL_HANDOFF_").lower()
        rows.append(
            (f"`{variable}`", f"`{name}`" if name in in_code else "", meaning),
        )
    return _table(*rows)


def pytest_options() -> Iterator[str]:
    """Yield what pytest can be told, on its command line and in its ini file."""
    parser = Mock()
    options.add_to(parser)
    inis = {call.args[0] for call in parser.addini.call_args_list}
    rows: list[Sequence[str]] = [("option", "in the ini file", "")]
    for call in parser.getgroup.return_value.addoption.call_args_list:
        (name,) = call.args
        ini = name.removeprefix("--").replace("-", "_")
        choices = " or ".join(f"`{choice}`" for choice in call.kwargs.get("choices", ()))
        value = f" {call.kwargs['metavar']}" if "metavar" in call.kwargs else ""
        text = f"{choices}; {call.kwargs['help']}" if choices else call.kwargs["help"]
        rows.append((f"`{name}{value}`", f"`{ini}`" if ini in inis else "", text))
    return _table(*rows)


def commands() -> Mapping[str, argparse.ArgumentParser]:
    """Return the parser of each command."""
    return cli.commands_of(cli.parser())


def command(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield a command's help: how it is called, what it does, its options and examples."""
    arguments = [action for action in parser._actions if action.dest != "help"]
    names = [_named(action) for action in arguments if not action.option_strings]
    yield "```"
    yield " ".join([parser.prog, *(f"[{_named(action)}]" for action in arguments if action.option_strings), *names])
    yield "```"
    yield ""
    yield from _prose(parser.description or "")
    yield from _table(("", ""), *((f"`{_all_names(action)}`", _cell(action.help or "")) for action in arguments))
    yield ""
    yield from _prose(parser.epilog or "")


def _named(action: argparse.Action) -> str:
    value = action.metavar if isinstance(action.metavar, str) else ""
    if action.option_strings:
        return f"{action.option_strings[-1]} {value}".rstrip()
    return value + "..." * (action.nargs == "+")


def _all_names(action: argparse.Action) -> str:
    return ", ".join([*action.option_strings[:-1], _named(action)])


def _cell(text: str) -> str:
    return text.replace("%%", "%").replace("|", "\\|")


def _prose(text: str) -> Iterator[str]:
    """Yield paragraphs; what is indented in one is laid out by hand, and stays as it is."""
    for paragraph in re.split(r"\n\n+", text.strip("\n")):
        lines = paragraph.splitlines()
        laid_out = [line.removeprefix("  ") for line in lines if line.startswith(" ")]
        said = " ".join(line for line in lines if not line.startswith(" "))
        if said:
            yield said[0].upper() + said[1:]
            yield ""
        if laid_out:
            yield "```"
            yield from laid_out
            yield "```"
            yield ""


def _parts() -> dict[str, Callable[[], Iterator[str]]]:
    return {f"otel-handoff {name}": partial(command, parser) for name, parser in commands().items()}


PAGES: Final[dict[Any, Tables]] = {
    DOCS / "command-line.md": _parts(),
    DOCS / "settings.md": {"environment_variables.py": settings, "testing/options.py": pytest_options},
}


if __name__ == "__main__":
    sys.exit(main(PAGES))
