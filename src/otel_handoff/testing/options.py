"""From pytest's options, ini file and the environment to a session. Imports the rest only where it is asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
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


_MODES: Final = ("observe", "pin", "strict")


def add_to(parser: pytest.Parser) -> None:
    """Add the options, and what of them may stand in the ini file. Provoking may not: it is asked for each time."""
    group = parser.getgroup("handoff", "otel-handoff")
    group.addoption("--handoff", action="store_true", help="fail tests in which rows are worked on under wrong ids")
    group.addoption("--handoff-mode", choices=_MODES, help="default: observe")
    group.addoption("--handoff-boundaries", metavar="MODULE:NAME", help="boundaries to check besides ELSPETH's")
    group.addoption(
        "--handoff-provoke", action="store_true", help="hold workers back at random, so that races show soon"
    )
    group.addoption("--handoff-provoke-seed", type=int, metavar="N", help="provoke the same choices again")
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

    mode = str(config.getoption("handoff_mode") or config.getini("handoff_mode"))
    if mode not in _MODES:
        raise pytest.UsageError(f"handoff_mode = {mode} is not one of {', '.join(_MODES)}")
    provoker = None if seed is None else Provoker(seed, resolve().provoke_wait)
    return Session(mode, _boundaries(config), provoker)


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


def _boundaries(config: pytest.Config) -> list[Boundary]:
    from otel_handoff.declare.settings import load, references
    from otel_handoff.environment_variables import OTEL_HANDOFF_BOUNDARIES

    given = config.getoption("handoff_boundaries") or config.getini("handoff_boundaries")
    found: list[Boundary] = []
    for reference in references(given or os.environ.get(OTEL_HANDOFF_BOUNDARIES, "")):
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
