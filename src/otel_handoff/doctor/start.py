"""Bringing the doctor's own process to where the pipeline's is."""

from __future__ import annotations

import atexit
import gc
import importlib
import inspect
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from otel_handoff.commands import UsageError
from otel_handoff.doctor.discretion import without_secrets
from otel_handoff.doctor.environment import is_instrumented
from otel_handoff.doctor.finding import Finding, note, ok, wrong
from otel_handoff.doctor.heard import Heard, all_heard, heard
from otel_handoff.host.plainly import class_of

# Said of each configuration file: opentelemetry-instrument has an argument, and goes over what the file turned on.
_HARMLESS: Final = ("already instrumented", "ignoring configurator kwargs: ['auto_instrumentation_version']")


def automatically() -> list[Finding]:
    """Set this process up as `opentelemetry-instrument` would have, unless it has.

    Raises:
        UsageError: OpenTelemetry cannot be imported.
    """
    if is_instrumented():
        return []
    try:
        from opentelemetry.instrumentation.auto_instrumentation import initialize
    except Exception as error:  # OTEL_PROPAGATORS is read, and may be refused, at import
        raise UsageError(f"cannot import OpenTelemetry: {type(error).__name__}: {error}") from error

    _look_here()
    with heard() as said:
        initialize()  # what goes wrong in it is logged
    return [
        note(
            "set-up",
            "by the doctor, as opentelemetry-instrument would; a pipeline that is started without it is not set up",
        ),
        *_complaints(said),
    ]


def by(reference: str) -> list[Finding]:
    """Import the user's module, and call the function that `module:function` names.

    Raises:
        UsageError: it cannot be imported or called.
    """
    _look_here()
    name, _, function = reference.partition(":")
    with all_heard() as said:
        try:
            module = importlib.import_module(name)
            made = getattr(module, function)() if function else None
        except (Exception, SystemExit) as error:
            what = f"call {reference}" if name in sys.modules else f"import {name}"
            last = f" (having said: {said.messages[-1]})" if said.records else ""
            raise UsageError(without_secrets(f"cannot {what}: {type(error).__name__}: {error}{last}")) from error
    if inspect.iscoroutine(made):
        made.close()
        raise UsageError(f"cannot call {reference}: it is asynchronous, and nobody would await it")
    return [ok("set-up", f"by {reference}"), *_complaints(said)]


def _look_here() -> None:
    # The pipeline finds the modules of the directory it is started in, under opentelemetry-instrument, too.
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)


def _complaints(said: Heard) -> Iterator[Finding]:
    errors = [record.exc_info[1] if record.exc_info else None for record in said.records]
    told: set[object] = {
        str(error) for error in errors if error is not None
    }  # what raises one often logs its text, too
    for record, error in zip(said.records, errors, strict=True):
        what = record.getMessage() if error is None else id(error)
        if what in told:
            continue  # each signal says it, and each that passes an error on logs it again
        told.add(what)
        if record.name.startswith("otel_handoff") or any(text in record.getMessage() for text in _HARMLESS):
            continue  # told below
        text = f"{record.name}: {record.getMessage()}"
        if error is not None:
            text += f" ({type(error).__name__}: {error})"
        if "Requested component" in text and "_exporter'" in text:  # the distro asks for otlp where nothing is said
            yield wrong(
                "set-up",
                text,
                "Install that exporter (pip install opentelemetry-exporter-otlp), or name another in"
                " OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER and OTEL_LOGS_EXPORTER: the set-up stopped there.",
            )
        elif record.levelno >= logging.ERROR or "Requested component" in text:
            yield wrong("set-up", text, "Put right what this names: the set-up went on without it, or stopped there.")
        else:
            yield note("set-up", text)


def leave() -> None:
    """Let the doctor's process end without a last export: what it was not asked to send, it does not send."""
    modules = [sys.modules.get(f"opentelemetry.sdk.{name}") for name in ("trace", "metrics", "_logs")]
    kinds = tuple(
        kind
        for module in modules
        if module is not None
        for name, kind in vars(module).items()
        if name.endswith("Provider") and isinstance(kind, type)
    )
    asked: dict[int, bool] = {}  # by identity, and each class once: there are a hundred thousand objects
    for thing in gc.get_objects():  # also those that only the pipeline's own code knows
        of = class_of(thing)
        if id(of) not in asked:
            asked[id(of)] = issubclass(of, kinds)
        if asked[id(of)]:
            atexit.unregister(thing.shutdown)
    atexit.unregister(logging.shutdown)  # it flushes OpenTelemetry's handler, where there is one
