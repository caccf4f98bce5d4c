"""Whether a boundary, whose functions are all there, can work as it is declared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from otel_handoff.around.handoff import Handoff
from otel_handoff.boundary import Boundary
from otel_handoff.declare import declared, mainmodule
from otel_handoff.doctor.finding import Finding, ok, wrong
from otel_handoff.host.targets import found_at
from otel_handoff.host.wrapping import Patch


def by_role(boundary: Boundary) -> dict[str, list[Finding]]:
    """Return what cannot work of `submit` and of `work`, whose modules are imported by now, where they can be."""
    found: dict[str, list[Finding]] = {}
    if boundary.engine:
        return found  # its work is known by the engine's own names
    submit = found_at(boundary.submit) if boundary.submit is not None else None
    work = found_at(boundary.work)
    if work is None or (submit is None and boundary.submit is not None):
        return found  # that is said already
    for fault in declared.faults(boundary, submit, work):
        target = boundary.hands_over if fault.role == "submit" else boundary.work
        subject, path = f"{boundary.name}.{fault.role}", target.partition(":")[2]
        if fault.is_certain:
            finding = wrong(subject, f"{path} is wrapped, but {fault.text}", fault.do, target=target)
        else:
            text = f"cannot tell: {path} is wrapped, and {fault.text}"
            finding = Finding(subject, "unknown", text, fault.do, {"target": target})
        found.setdefault(fault.role, []).append(finding)
    return found


def of_pinning(handoff: Handoff) -> Iterator[Finding]:
    """Yield how, in mode `pin`, a worker is given what was submitted."""
    settings, boundary = handoff.engine.settings, handoff.boundary
    if settings.mode != "pin":
        return
    subject, at_read = f"{boundary.name}.pins", "what was submitted where it reads a field"
    if boundary.engine:
        yield ok(subject, "a copy of the context is sent; what is no argument is pinned where a worker reads a field")
    elif boundary.pins == "read" and not settings.watch:
        text = "nothing is pinned: Boundary(pins='read') needs watch, which is off"
        yield wrong(subject, text, "Set OTEL_HANDOFF_WATCH=true, or take pins out of the Boundary.")
    elif boundary.pins == "read":
        yield ok(subject, f"a worker shares the context, and is given {at_read}", pins="read")
    elif boundary.pins == "copy" or not settings.watch:
        text = "a worker is given a copy of the context; where there can be none it is observed"
        yield ok(subject, text, pins="copy")
    elif boundary.pins == "ids":
        yield ok(subject, "a worker reads the ids of its row, whatever the shared object has", pins="ids")
    elif handoff.keeps_context:
        text = f"the work function takes no {boundary.place!r}: a worker shares it, and is given {at_read}"
        yield ok(subject, text, pins="read")
    elif handoff.polled:
        asked = ", ".join(f"{boundary.place}.{name}" for name in handoff.polled)
        text = f"the work function waits for {asked}: a worker shares the context, and is given {at_read}"
        yield ok(subject, text, pins="read")
    else:
        text = f"a worker is given a copy of the context; where there can be none, {at_read}"
        yield ok(subject, text, pins="copy")


def of_the_main_module(boundary: Boundary, *, apart: bool) -> Iterator[Finding]:
    """Yield that functions are those of the main program, or may be.

    Args:
        boundary: as declared.
        apart: whether this process is the doctor's own: what the pipeline is started with is not known.
    """
    if boundary.engine:
        return
    for module in sorted({boundary.hands_over.partition(":")[0], boundary.work.partition(":")[0]} - {"__main__"}):
        if not apart and mainmodule.is_run(module):
            text = f"{mainmodule.said_of(module)}: nothing of it is wrapped"
            yield wrong(f"{boundary.name}.module", text, mainmodule.advice(module, [boundary]))
        elif apart and mainmodule.is_a_script(module):
            text = f"cannot tell: whether {module} is run as the main program; if so, nothing of it is wrapped"
            yield Finding(f"{boundary.name}.module", "unknown", text, mainmodule.advice(module, [boundary]))


def of_tasks(boundary: Boundary, patch: Patch | None) -> Finding:
    """Return which tasks of an engine are wrapped, as far as their modules are imported here."""
    subject, name = f"{boundary.name}.work", boundary.work.partition(":")[2]
    if patch is not None and patch.attached:
        tasks = sorted({str(getattr(place.parent, "name", "")) for place in patch.places}) or [name]
        return ok(subject, f"{', '.join(tasks)} in {boundary.engine} is wrapped", target=boundary.work)
    text = f"cannot tell: no task {name} of {boundary.engine} is there in this process (a sender needs none)"
    return Finding(subject, "unknown", text, f"See that the task is called {name}: {_LISTED[boundary.engine]}.")


def elsewhere(boundary: Boundary) -> Finding:
    """Return that the work on a message is done where its module is."""
    text = f"cannot tell: {boundary.work_target} is not in this environment (a sender needs it not)"
    return Finding(f"{boundary.name}.work", "unknown", text, "Ask where the messages are worked on, too.")


_LISTED: Final = {
    "celery": "celery lists its tasks as it starts",
    "ray": "by its module and name, which `ray list tasks` shows",
}
