"""The settings, from code, the environment, or a declarative configuration file."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from otel_handoff.boundary import Boundary
from otel_handoff.environment_variables import (
    OTEL_HANDOFF_BOUNDARIES,
    OTEL_HANDOFF_MODE,
    OTEL_HANDOFF_TRACE,
    OTEL_HANDOFF_WATCH,
)

_logger = logging.getLogger("otel_handoff")

MODES: Final = ("pin", "observe", "strict", "off")
TRACES: Final = ("child", "link")
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
    """

    mode: str = "pin"
    watch: bool = True
    trace: str = "child"


@dataclass
class Configuration:
    """The options of instrumentor `elspeth` in an `OTEL_CONFIG_FILE`, under `instrumentation/development: python:`."""

    mode: Any = None
    watch: Any = None
    trace: Any = None


@dataclass
class BoundariesConfiguration(Configuration):
    """The same of instrumentor `handoff`, with `boundaries` as plain data."""

    boundaries: Any = None


def resolve(*, mode: Any = None, watch: Any = None, trace: Any = None) -> Settings:
    """Return the settings: what the code says, else the environment, else the defaults.

    Raises:
        ValueError: the code says something that is no setting. The environment only warns: the host must start.
    """
    return Settings(
        mode=_one_of("mode", MODES, "off" if mode is False else mode, OTEL_HANDOFF_MODE),  # YAML reads off as false
        watch=_switch("watch", watch, OTEL_HANDOFF_WATCH),
        trace=_one_of("trace", TRACES, trace, OTEL_HANDOFF_TRACE),
    )


def _one_of(name: str, choices: Sequence[str], given: Any, variable: str) -> str:
    if given is not None:
        if given in choices:
            return given
        raise ValueError(f"{name}={given!r} is not one of {', '.join(map(repr, choices))}")
    text = os.environ.get(variable, "").strip().lower()
    if text and text not in choices:
        _logger.warning("%s=%s is not one of %s; using %s.", variable, text, ", ".join(choices), choices[0])
    return text if text in choices else choices[0]


def _switch(name: str, given: Any, variable: str) -> bool:
    if given is not None:
        if isinstance(given, bool):
            return given
        raise ValueError(f"{name}={given!r} is not True or False")
    text = os.environ.get(variable, "").strip().lower()
    if text and text not in _WORDS:
        _logger.warning("%s=%s is not true or false; using true.", variable, text)
    return _WORDS.get(text, True)


def boundaries_of(given: Sequence[Any] | None) -> list[Boundary]:
    """Return the boundaries that the code names (as `Boundary` or plain data), else those of the environment.

    Raises:
        ValueError: the code names something that is no boundary.
    """
    if given is None:
        return _from_environment()
    return [boundary if isinstance(boundary, Boundary) else _from_plain(boundary) for boundary in given]


def _from_plain(options: Any) -> Boundary:
    if not isinstance(options, Mapping):
        raise ValueError(f"boundaries holds {options!r}, which is no Boundary")  # noqa: TRY004 - as any wrong setting
    return Boundary.from_mapping(cast("Mapping[str, Any]", options))


def _from_environment() -> list[Boundary]:
    found: list[Boundary] = []
    for reference in filter(None, os.environ.get(OTEL_HANDOFF_BOUNDARIES, "").replace(" ", "").split(",")):
        module, _, name = reference.partition(":")
        try:
            found.extend(boundaries_of(getattr(importlib.import_module(module), name)))
        except Exception as error:
            _logger.warning(
                "%s=%s gives no boundaries (%s: %s); nothing is attached for it.",
                OTEL_HANDOFF_BOUNDARIES,
                reference,
                type(error).__name__,
                error,
            )
    return found
