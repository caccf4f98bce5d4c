"""Every setting of ours, what it is, and where that came from."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from otel_handoff import environment_variables
from otel_handoff.boundary import Boundary
from otel_handoff.declare.settings import Settings, boundaries_of, resolve
from otel_handoff.doctor import own
from otel_handoff.doctor.finding import Finding, note, ok, wrong
from otel_handoff.doctor.heard import heard

PREFIX: Final = "OTEL_HANDOFF_"
CONFIG_FILE: Final = "OTEL_CONFIG_FILE"
_NAMES: Final = tuple(field.name for field in fields(Settings) if field.name != "given")
_KNOWN: Final = tuple(
    sorted(
        {name for name in vars(environment_variables) if name.startswith(PREFIX)}
        | {PREFIX + name.upper() for name in _NAMES}  # a secret is a variable, and no flag
    )
)
_SECRET: Final = frozenset(field.name for field in fields(Settings) if not field.repr)
"""What is not shown in a `repr` is not shown here."""


@dataclass(frozen=True)
class File:
    """What an `OTEL_CONFIG_FILE` says of our instrumentors.

    Attributes:
        options: instrumentor -> its options there.
        error: why it cannot be read, or an empty string.
    """

    options: Mapping[str, Mapping[str, Any]]
    error: str = ""


def look() -> Iterator[Finding]:
    """Yield a line per setting and instrumentor, and one for each variable that is not what somebody meant."""
    file = config_file()
    if file.error:
        yield wrong(CONFIG_FILE, file.error, f"Correct {CONFIG_FILE}; the set-up stops at what it cannot read.")
    with heard("otel_handoff") as said:
        environment = resolve()
        declared = boundaries_of(None)
    complaints = {message.partition("=")[0]: message for message in said.messages}
    on = [turned for turned in own.instrumentors() if turned.handoffs or turned.is_off]
    of_each = [[_setting(turned, name, file, environment, complaints) for name in _NAMES] for turned in on]
    yield from _once(of_each)
    for turned in own.instrumentors():
        yield from _options(turned, file)
    if not on:  # nothing is in effect; this is what would be
        for name in _NAMES:
            yield _of_environment(name, getattr(environment, name), name, complaints)
    yield _boundaries(file, declared, complaints)
    yield from _misspelt()


def _once(of_each: Sequence[Sequence[Finding]]) -> Iterator[Finding]:
    """Yield the settings of each instrumentor; where they are the same for all of several, they are said once."""
    if len(of_each) < 2:
        yield from (finding for findings in of_each for finding in findings)
        return
    common = [replace(same[0], subject=name) for name, same in zip(_NAMES, zip(*of_each, strict=True), strict=True)]
    alike = [
        all(replace(finding, subject=shared.subject) == shared for finding in same)
        for shared, same in zip(common, zip(*of_each, strict=True), strict=True)
    ]
    yield from (shared for shared, is_common in zip(common, alike, strict=True) if is_common)
    for findings in of_each:
        yield from (finding for finding, is_common in zip(findings, alike, strict=True) if not is_common)


def config_file() -> File:
    """Read the declarative configuration file that the environment names, if any."""
    path = os.environ.get(CONFIG_FILE)
    if not path:
        return File({})
    try:
        from opentelemetry.configuration import load_config_file
    except ImportError:
        return File({}, f"{path} is named, but opentelemetry-configuration is not installed to read it")
    try:
        with heard("opentelemetry"):  # what it logs, it raises
            experimental = load_config_file(path).instrumentation_development
        python: Mapping[str, Any] = getattr(experimental, "python", None) or {}
        return File({name: dict(options or {}) for name, options in python.items()})
    except Exception as error:
        return File({}, f"{path} cannot be read ({type(error).__name__}: {error})")


def _setting(
    turned: own.Turned, name: str, file: File, environment: Settings, complaints: Mapping[str, str]
) -> Finding:
    assert turned.settings is not None
    value = getattr(turned.settings, name)
    subject = f"{turned.name}.{name}"
    if name not in turned.settings.given:
        return _of_environment(name, value, subject, complaints)
    in_file = file.options.get(turned.name, {}).get(name) is not None
    source = os.environ.get(CONFIG_FILE, "") if in_file else "argument of instrument()"
    shown, variable = _shown(name, value), PREFIX + name.upper()
    said = os.environ.get(variable, "").strip()
    if said and getattr(environment, name) != value:
        text = f"{shown} ({source}), which goes before {variable}={said}"
        return note(subject, text, f"Say it there, or unset {variable}.", value=shown, source=source)
    return _line(subject, shown, source)


def _of_environment(name: str, value: object, subject: str, complaints: Mapping[str, str]) -> Finding:
    variable = PREFIX + name.upper()
    if variable in complaints:
        return wrong(
            subject,
            f"{_shown(name, value)} (fallback): {complaints[variable].rstrip('.')}",
            f"Correct {variable}, or unset it.",
            value=_shown(name, value),
            source="fallback",
        )
    is_set = variable in _KNOWN and os.environ.get(variable, "").strip()
    if is_set and name == "provoke" and value is not None:
        return wrong(
            subject,
            f"{value} ({variable}): workers are held back on purpose",
            f"Unset {variable}: it is for tests.",
            value=value,
            source=variable,
        )
    return _line(subject, _shown(name, value), variable if is_set else "default")


def _shown(name: str, value: object) -> object:
    return value if name not in _SECRET else "set, and not shown" if value else "not set"


def _line(subject: str, value: object, source: str) -> Finding:
    return ok(subject, f"{value!s} ({source})", value=value, source=source)


def _options(turned: own.Turned, file: File) -> Iterator[Finding]:
    options = dict(file.options.get(turned.name, {}))
    if not options.pop("enabled", True) and turned.on:
        yield wrong(
            f"{turned.name}.enabled",
            "false in the configuration file, but it is on",
            f"Name {turned.name} in OTEL_PYTHON_DISABLED_INSTRUMENTATIONS: all others are turned on.",
        )
    known = [field.name for field in fields(turned.kind.configuration)]
    for name in options:
        if name not in known:
            yield wrong(
                f"{turned.name}.{name}",
                f"the configuration file sets {name!r}, which is no option; none of its options took effect",
                f"{_meant(name, known)} Its options are {', '.join(known)}.".strip(),
            )
    given = {name: value for name, value in options.items() if name in _NAMES and name in known}
    try:
        with heard("otel_handoff"):
            resolve(**given)
    except ValueError as error:
        yield wrong(
            f"{turned.name}",
            f"the configuration file is wrong: {error}; none of its options took effect",
            "Correct it there.",
        )


def _boundaries(file: File, declared: Sequence[Boundary], complaints: Mapping[str, str]) -> Finding:
    variable = environment_variables.OTEL_HANDOFF_BOUNDARIES
    attached = [
        handoff.boundary for turned in own.instrumentors() if turned.name == "handoff" for handoff in turned.handoffs
    ]
    names = [boundary.name for boundary in attached]
    if not attached:
        source = "default"
    elif file.options.get("handoff", {}).get("boundaries") is not None:
        source = os.environ.get(CONFIG_FILE, "")
    else:
        source = variable if attached == declared else "argument of instrument()"
    if variable in complaints and source in ("default", variable):
        return wrong("boundaries", complaints[variable].rstrip("."), f"Correct {variable}, or what it names.")
    return ok("boundaries", f"{', '.join(names) or 'none of your own'} ({source})", value=names, source=source)


def _misspelt() -> Iterator[Finding]:
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in _KNOWN:
            yield wrong(
                name, "there is no such setting", _meant(name, _KNOWN) or f"Unset it, or use {', '.join(_KNOWN)}."
            )
        elif name not in _KNOWN and (near := difflib.get_close_matches(name.upper(), _KNOWN, 1, 0.9)):
            yield note(name, f"nobody reads it; {near[0]} is a setting", f"If {near[0]} was meant, rename it.")


def _meant(name: str, known: tuple[str, ...] | list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"Did you mean {near[0]}?" if near else ""
