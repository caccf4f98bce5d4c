"""The settings, from code, the environment, or a declarative configuration file."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from otel_handoff.boundary import Boundary
from otel_handoff.environment_variables import (
    OTEL_HANDOFF_ATTRIBUTES,
    OTEL_HANDOFF_BOUNDARIES,
    OTEL_HANDOFF_IDS,
    OTEL_HANDOFF_MODE,
    OTEL_HANDOFF_PROVOKE,
    OTEL_HANDOFF_PROVOKE_WAIT,
    OTEL_HANDOFF_REMOTE,
    OTEL_HANDOFF_SPANS,
    OTEL_HANDOFF_TRACE,
    OTEL_HANDOFF_WATCH,
)
from otel_handoff.record import hashing

_logger = logging.getLogger("otel_handoff")

MODES: Final = ("pin", "observe", "strict", "off")
TRACES: Final = ("child", "link")
SPANS: Final = ("all", "sampled", "mismatch")
ATTRIBUTES: Final = ("few", "all")
IDS: Final = ("plain", "hashed")
_WORDS: Final = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}


@dataclass(frozen=True)
class Settings:
    """How to instrument.

    Attributes:
        mode: `pin`, `observe`, `strict` or `off`.
        watch: whether reads and writes of the fields on the context class are seen.
        trace: `child`, or `link` for a trace of its own per row.
        spans: of which rows there are spans: `all`, those of `sampled` traces, or those with a `mismatch`.
        attributes: `few`, or `all` for those that nobody needs of a row in order.
        ids: `plain`, or `hashed` for hashes of the ids wherever they leave the process.
        ids_key: the key of these hashes, from the environment alone: a secret belongs into no code; empty for none.
        remote: whether something goes along with a row's work to another process.
        provoke: the seed of provoked interleavings, 1 for any; None, as always outside of tests: none are provoked.
        provoke_wait: seconds that a worker is then held back while nothing moves on.
        given: the names of those that the code gave, or a configuration file; the environment was not asked for them.
    """

    mode: str = "pin"
    watch: bool = True
    trace: str = "child"
    spans: str = "all"
    attributes: str = "few"
    ids: str = "plain"
    ids_key: str = field(default="", repr=False)
    remote: bool = True
    provoke: int | None = None
    provoke_wait: float = 0.25
    given: frozenset[str] = field(default=frozenset(), compare=False)


@dataclass
class Configuration:
    """The options of instrumentor `elspeth` in an `OTEL_CONFIG_FILE`, under `instrumentation/development: python:`."""

    mode: Any = None
    watch: Any = None
    trace: Any = None
    spans: Any = None
    attributes: Any = None
    ids: Any = None
    remote: Any = None


@dataclass
class BoundariesConfiguration(Configuration):
    """The same of instrumentor `handoff`, with `boundaries` as plain data."""

    boundaries: Any = None


def resolve(
    *,
    mode: Any = None,
    watch: Any = None,
    trace: Any = None,
    spans: Any = None,
    attributes: Any = None,
    ids: Any = None,
    remote: Any = None,
) -> Settings:
    """Return the settings: what the code says, else the environment, else the defaults.

    Raises:
        ValueError: the code says something that is no setting. The environment only warns: the host must start.
    """
    given = frozenset(name for name, value in locals().items() if value is not None)
    return Settings(
        mode=_one_of("mode", MODES, "off" if mode is False else mode, OTEL_HANDOFF_MODE),  # YAML reads off as false
        watch=_switch("watch", watch, OTEL_HANDOFF_WATCH),
        trace=_one_of("trace", TRACES, trace, OTEL_HANDOFF_TRACE),
        spans=_one_of("spans", SPANS, spans, OTEL_HANDOFF_SPANS),
        attributes=_one_of("attributes", ATTRIBUTES, attributes, OTEL_HANDOFF_ATTRIBUTES),
        ids=_one_of("ids", IDS, ids, OTEL_HANDOFF_IDS, otherwise="hashed"),  # a slip must not let them out
        ids_key=hashing.key(),
        remote=_switch("remote", remote, OTEL_HANDOFF_REMOTE),
        provoke=_seed(),
        provoke_wait=_seconds(OTEL_HANDOFF_PROVOKE_WAIT, Settings.provoke_wait),
        given=given,
    )


def _one_of(name: str, choices: Sequence[str], given: Any, variable: str, otherwise: str | None = None) -> str:
    if given is not None:
        if given in choices:
            return given
        raise ValueError(f"{name}={given!r} is not one of {', '.join(map(repr, choices))}")
    text = os.environ.get(variable, "").strip().lower()
    if not text or text in choices:
        return text or choices[0]
    otherwise = otherwise or choices[0]
    _logger.warning("%s=%s is not one of %s; using %s.", variable, text, ", ".join(choices), otherwise)
    return otherwise


def _switch(name: str, given: Any, variable: str) -> bool:
    if given is not None:
        if isinstance(given, bool):
            return given
        raise ValueError(f"{name}={given!r} is not True or False")
    text = os.environ.get(variable, "").strip().lower()
    if text and text not in _WORDS:
        _logger.warning("%s=%s is not true or false; using true.", variable, text)
    return _WORDS.get(text, True)


def _seed() -> int | None:
    # From the environment alone, and only a number: no `true` that was meant for something else turns this on.
    text = os.environ.get(OTEL_HANDOFF_PROVOKE, "").strip()
    if text and not (text.isascii() and text.isdecimal()):
        _logger.warning("%s=%s is neither 1 nor a seed; nothing is provoked.", OTEL_HANDOFF_PROVOKE, text)
        return None
    return int(text) or None if text else None


def _seconds(variable: str, default: float) -> float:
    text = os.environ.get(variable, "").strip()
    try:
        seconds = float(text) if text else default
    except ValueError:
        seconds = 0.0
    if 0 < seconds <= 60:
        return seconds
    _logger.warning("%s=%s is not a number of seconds from 0 to 60; using %s.", variable, text, default)
    return default


def boundaries_of(given: Sequence[Any] | None) -> list[Boundary]:
    """Return the boundaries that the code names (as `Boundary` or plain data), else those of the environment.

    Raises:
        ValueError: the code names something that is no boundary.
    """
    return _from_environment() if given is None else _all_of(given)


def _all_of(given: Any) -> list[Boundary]:
    if isinstance(given, Boundary) or not isinstance(given, Iterable):
        what = "one Boundary" if isinstance(given, Boundary) else f"{given!r}"
        raise ValueError(f"this is {what}, not a list of Boundary")  # noqa: TRY004 - as any wrong setting
    given = cast("Iterable[Any]", given)
    return [boundary if isinstance(boundary, Boundary) else _from_plain(boundary) for boundary in given]


def _from_plain(options: Any) -> Boundary:
    if not isinstance(options, Mapping):
        raise ValueError(f"boundaries holds {options!r}, which is no Boundary")  # noqa: TRY004 - as any wrong setting
    return Boundary.from_mapping(cast("Mapping[str, Any]", options))


def references(text: str) -> list[str]:
    """Split `"module:NAME, module:NAME"`."""
    return [reference for reference in text.replace(" ", "").split(",") if reference]


def load(reference: str) -> list[Boundary]:
    """Return the boundaries that `module:NAME` holds; whatever goes wrong is raised."""
    module, _, name = reference.partition(":")
    return _all_of(getattr(importlib.import_module(module), name))


def _from_environment() -> list[Boundary]:
    found: list[Boundary] = []
    for reference in references(os.environ.get(OTEL_HANDOFF_BOUNDARIES, "")):
        try:
            found.extend(load(reference))
        except (Exception, SystemExit) as error:  # a script that is its own main program ends with the latter
            _logger.warning(
                "%s=%s gives no boundaries (%s: %s); nothing is attached for it.",
                OTEL_HANDOFF_BOUNDARIES,
                reference,
                type(error).__name__,
                error,
            )
    return found
