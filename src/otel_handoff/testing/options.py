"""From pytest's options, ini file and the environment to a session. Imports the rest only where it is asked for."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from otel_handoff.boundary import Boundary
    from otel_handoff.testing.session import Session

MARKER: Final = (
    "handoff(allow=False, expect=False, fields=None, evidence=None): under --handoff, the mismatches that this test "
    "may have (allow=True) or must have (expect='used', or True for any outcome), where they are of these fields and "
    "this evidence."
)


NOT_KNOWN: Final = pytest.ExitCode.INTERRUPTED
"""The exit code of a run in which nothing was checked: 2, as that of `otel-handoff check`."""

_MODES: Final = ("observe", "pin", "strict")


def add_to(parser: pytest.Parser) -> None:
    """Add the options, and what of them may stand in the ini file. Provoking may not: it is asked for each time."""
    group = parser.getgroup("handoff", "otel-handoff")
    group.addoption(
        "--handoff",
        action="store_true",
        help=("fail tests in which rows are worked on under wrong ids; exit code 2 where no row was checked"),
    )
    group.addoption("--handoff-mode", choices=_MODES, help="default: observe")
    group.addoption("--handoff-boundaries", metavar="MODULE:NAME", help="boundaries to check besides ELSPETH's")
    group.addoption(
        "--handoff-provoke", action="store_true", help="hold workers back at random, so that races show soon"
    )
    group.addoption("--handoff-provoke-seed", type=int, metavar="N", help="provoke the same choices again")
    group.addoption(
        "--handoff-find",
        action="store_true",
        help="find hand-offs that carry something which changes in flight; nothing has to be declared",
    )
    parser.addini("handoff", "as --handoff", type="bool", default=False)
    parser.addini("handoff_mode", "as --handoff-mode", default="observe")
    parser.addini("handoff_boundaries", "as --handoff-boundaries", default="")


def is_on(config: pytest.Config) -> bool:
    """Whether the whole run is to be instrumented."""
    return bool(config.getoption("handoff") or config.getini("handoff"))


def any_of(config: pytest.Config) -> bool:
    """Whether the command line says how to check, though maybe not to check all."""
    return any(config.getoption(f"handoff_{name}") for name in ("mode", "boundaries", "provoke", "provoke_seed"))


def session_of(config: pytest.Config, seed: int | None) -> Session:
    """Return the session that the options ask for, not instrumented yet.

    Raises:
        pytest.UsageError: a mode that is none, or boundaries that cannot be had.
    """
    from otel_handoff.around.provoke import Provoker
    from otel_handoff.declare.settings import resolve
    from otel_handoff.testing.session import Session

    mode = _mode(config)
    if mode not in _MODES:
        raise pytest.UsageError(f"handoff_mode = {mode} is not one of {', '.join(_MODES)}")
    provoker = None if seed is None else Provoker(seed, resolve().provoke_wait)
    return Session(mode, _boundaries(config), provoker)


def again(config: pytest.Config, seed: int) -> str:
    """Return the options with which a provoked run is checked as this one is, wherever they came from."""
    from otel_handoff.declare.settings import references

    options = ["--handoff"]
    mode = _mode(config)
    if {mode, config.getini("handoff_mode")} != {"observe"}:
        options.append(f"--handoff-mode={mode}")
    if boundaries := ",".join(references(_references(config))):
        options.append(f"--handoff-boundaries={boundaries}")
    return shlex.join([*options, "--handoff-provoke-seed", str(seed)])


def command_again(item: pytest.Item, seed: int) -> str:
    """Return the command that runs one test as it was run now."""
    config = item.config
    variables = [f"{name}={shlex.quote(os.environ[name])}" for name in _VARIABLES if os.environ.get(name)]
    is_module = os.path.basename(sys.argv[0]) == "__main__.py"  # noqa: PTH119
    pytest_ = ["python", "-m", "pytest"] if is_module else ["pytest"]
    file, is_in, rest = item.nodeid.partition("::")
    test = f"{os.path.relpath(config.rootpath / file, config.invocation_params.dir)}{is_in}{rest}"
    quoted = shlex.quote(test) if "'" in test else f"'{test}'"
    collected = shlex.join(_collected_by(config))
    return " ".join([*variables, *pytest_, *([collected] if collected else []), again(config, seed), quoted])


_VARIABLES: Final = ("OTEL_HANDOFF_PROVOKE_WAIT", "OTEL_HANDOFF_WATCH")
_COLLECTED_BY: Final = ("-c", "--config-file", "--rootdir", "--import-mode", "-o", "--override-ini")


def _collected_by(config: pytest.Config) -> Iterator[str]:
    # The options without which pytest may find other tests, or not import them.
    arguments = iter(config.invocation_params.args)
    for argument in map(str, arguments):
        name, is_, _ = argument.partition("=")
        if argument in _COLLECTED_BY:
            yield argument
            yield str(next(arguments, ""))
        elif (is_ and name in _COLLECTED_BY) or (argument[:2] in ("-c", "-o") and len(argument) > 2):
            yield argument


def seed_of(config: pytest.Config) -> int | None:
    """Return the seed of provoked interleavings, drawn anew where none is given; None where nobody asks for them."""
    from otel_handoff.around.provoke import any_seed
    from otel_handoff.declare.settings import resolve

    given: int | None = config.getoption("handoff_provoke_seed")
    if given is not None:
        return given
    given = resolve().provoke
    if given is None and not config.getoption("handoff_provoke"):
        return None
    return any_seed() if given in (None, 1) else given  # in the environment, 1 means any


def _mode(config: pytest.Config) -> str:
    return str(config.getoption("handoff_mode") or config.getini("handoff_mode"))


def _references(config: pytest.Config) -> str:
    from otel_handoff.environment_variables import OTEL_HANDOFF_BOUNDARIES

    given = config.getoption("handoff_boundaries") or config.getini("handoff_boundaries")
    return str(given or os.environ.get(OTEL_HANDOFF_BOUNDARIES, ""))


def _boundaries(config: pytest.Config) -> list[Boundary]:
    from otel_handoff.declare.settings import load, references

    found: list[Boundary] = []
    for reference in references(_references(config)):
        try:
            with _looking_here(config):
                found.extend(load(reference))
        except (Exception, SystemExit) as error:
            raise pytest.UsageError(
                f"--handoff-boundaries {reference}: no boundaries there ({type(error).__name__}: {error})"
            ) from None
    return found


@contextmanager
def _looking_here(config: pytest.Config) -> Generator[None, None, None]:
    # pytest puts the directories of the tests on the path later; only `python -m pytest` has the current one there now.
    here = [str(config.invocation_params.dir), str(config.rootpath)]
    sys.path[:0] = here
    try:
        yield
    finally:
        for directory in here:
            sys.path.remove(directory)
