"""Which of the host's functions are wrapped, and why the others are not."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import Any, Final

from otel_handoff.around.handoff import Handoff
from otel_handoff.boundary import Boundary
from otel_handoff.declare import declared
from otel_handoff.doctor import declaration, own, rows
from otel_handoff.doctor.environment import was_tried
from otel_handoff.doctor.finding import Finding, note, ok, unknown, wrong
from otel_handoff.doctor.heard import heard
from otel_handoff.host.paths import parse
from otel_handoff.host.suggest import can_be_found, nearest, nearest_module
from otel_handoff.host.wrapping import Patch, no_function

_DISABLED: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
_ANOTHER_MODE: Final = "Set the mode to pin or observe where Settings, below, says that it comes from."
_MOVED: Final = "Declare a Boundary that names where this version has it, and report the version to otel-handoff."


def look(*, apart: bool) -> Iterator[Finding]:
    """Yield the findings for each registered instrumentor, its hosts, their functions and their rows.

    Args:
        apart: whether this process is the doctor's own, set up as the pipeline's is.
    """
    turned_on = own.instrumentors()
    if not turned_on:
        yield wrong("instrumentors", "none is registered", "Install otel-handoff with pip into this environment.")
    attached = False
    for turned in turned_on:
        yield _instrumentor(turned)
        for handoffs in _hosts(turned.handoffs):
            for finding in _host(turned.name, handoffs, apart=apart):
                target = finding.facts.get("target", "")
                attached |= bool(target) and (finding.state == "ok" or (apart and _module(target) == "__main__"))
                yield finding
    if not attached:
        yield wrong("wrapped", "nothing is wrapped in this process: no row is checked", _remedy(turned_on))
    patches = [patch for turned in turned_on for patch in turned.patches]
    if patches:
        followed = sorted({patch.target.partition(":")[2] for patch in patches if patch.attached})
        later = sorted({patch.target.partition(":")[2] for patch in patches} - set(followed))
        text = f"followed into {', '.join(followed)}" + (f"; once imported, {', '.join(later)}" if later else "")
        yield ok("pools", text, followed=followed, later=later)


def _instrumentor(turned: own.Turned) -> Finding:
    subject = turned.name
    if not turned.on:
        if _is_kept_off(turned):
            return note(subject, f"instrumentor kept off by {_DISABLED}")
        return note(subject, "instrumentor not turned on in this process")
    if turned.is_off and subject == "elspeth":
        return wrong(subject, "instrumentor on, in mode off: nothing is wrapped", _ANOTHER_MODE)
    if turned.is_off:
        return note(subject, "instrumentor on, in mode off")
    if turned.handoffs:
        return ok(subject, "instrumentor on")
    return note(subject, "instrumentor on, without boundaries of your own")


def _is_kept_off(turned: own.Turned) -> bool:
    disabled = [name.strip() for name in os.environ.get(_DISABLED, "").split(",")]
    return not turned.on and (turned.name in disabled or "*" in disabled)


def _remedy(turned_on: Sequence[own.Turned]) -> str:
    if any(turned.is_off for turned in turned_on):
        return _ANOTHER_MODE
    if was_tried() and turned_on and all(map(_is_kept_off, turned_on)):
        return f"Take what is to be on (elspeth, handoff) out of {_DISABLED}."
    if any(turned.on for turned in turned_on):
        return (
            "Run the doctor in the environment that the pipeline runs in, or, for a host that is not ELSPETH,"
            " declare a Boundary (OTEL_HANDOFF_BOUNDARIES)."
        )
    if was_tried():
        return "See what stopped the set-up, above or on stderr, and put that right."
    return (
        "Start the pipeline with opentelemetry-instrument, or call ElspethInstrumentor().instrument() where it sets up"
        " OpenTelemetry; where its own code does, look with --import MODULE:FUNCTION."
    )


def _hosts(handoffs: Sequence[Handoff]) -> list[list[Handoff]]:
    # Boundaries of one name are the layouts of one host, of which an environment has one.
    groups: dict[str, list[Handoff]] = {}
    for handoff in handoffs:
        if not own.is_embedded(handoff.boundary):
            groups.setdefault(handoff.boundary.name, []).append(handoff)
    return list(groups.values())


def _host(instrumentor: str, layouts: Sequence[Handoff], *, apart: bool) -> Iterator[Finding]:
    name = layouts[0].boundary.name
    root = _module(layouts[0].boundary.hands_over).partition(".")[0]
    if not _is_there(root):
        if instrumentor == "handoff":
            do = f"Put it on the Python path, or correct the Boundary.{nearest_module(layouts[0].boundary.hands_over)}"
            yield wrong(name, f"there is no module {root!r}", do)
        else:
            yield note(name, f"host {root!r} is not installed in this environment")
        return
    found = [handoff for handoff in layouts if _is_there(_module(handoff.boundary.hands_over))]
    if not found:
        modules = " or ".join(_module(handoff.boundary.hands_over) for handoff in layouts)
        yield wrong(name, f"{root} {_version(root)} is of an unknown layout: it has no {modules}", _MOVED)
    for handoff in found:
        layout = _module(handoff.boundary.hands_over)
        of_it = f", layout {layout}" if instrumentor == "elspeth" else ""
        yield Finding(
            name,
            "ok" if own.patches_of(handoff) else "unknown",
            f"host {root} {_version(root)}{of_it}",
            facts={"host": root, "version": _version(root), "layout": layout},
        )
        yield from _functions(instrumentor, handoff, apart=apart)
        if own.patches_of(handoff)[handoff.boundary.work_target].attached:
            yield from declaration.of_pinning(handoff)
        if not handoff.counts.judged:  # what was judged is not run elsewhere
            yield from declaration.of_the_main_module(handoff.boundary, apart=apart)
    for handoff in found:
        handoff.look_for_overrides()
    if found:
        if not (apart or layouts[0].counts.rows.in_flight):
            for handoff in found:
                handoff.look_for_gaps()
        if any(handoff.boundary.names for handoff in found):
            yield from rows.look(name, layouts[0].counts, apart=apart)
        else:
            yield from rows.carried(name, layouts[0].counts)


def _functions(instrumentor: str, handoff: Handoff, *, apart: bool) -> Iterator[Finding]:
    boundary, patches = handoff.boundary, own.patches_of(handoff)
    found = [
        (
            role,
            declaration.of_tasks(boundary, patches.get(target))
            if role == "work" and boundary.engine in ("celery", "ray")
            else declaration.elsewhere(boundary)
            if role == "work" and boundary.engine and not _is_there(_module(target))
            else _of_main(f"{boundary.name}.{role}", target)
            if apart and _module(target) == "__main__"
            else _target(f"{boundary.name}.{role}", target, parameters, patches.get(target), instrumentor),
        )
        for role, target, parameters in _targets(boundary)
    ]
    # What was judged does work, whatever it looks like.
    amiss = {} if handoff.counts.judged else declaration.by_role(boundary)
    for role, finding in found:
        if finding.state == "ok" and role in amiss:
            yield from amiss[role]
        else:
            yield finding


def _targets(boundary: Boundary) -> Iterator[tuple[str, str, list[str]]]:
    if boundary.submit is not None:
        yield "submit", boundary.submit, []
    yield "work", boundary.work_target, []
    for call in boundary.calls:
        place = next((target for target in call.targets if _is_there(_module(target))), call.target)
        yield call.evidence, place, list(call.ids.values())
    for pool in boundary.pools:
        yield "pool", pool, []
    if boundary.evict is not None:
        yield "evict", boundary.evict.target, list(boundary.evict.ids.values())


def _target(subject: str, target: str, parameters: Sequence[str], patch: Patch | None, instrumentor: str) -> Finding:
    module, _, path = target.partition(":")
    try:
        with heard("otel_handoff"):  # what it says is said here
            function: Any = importlib.import_module(module)
        parent: Any = None
        for part in path.split("."):
            parent = function
            if not hasattr(function, part):
                do = f"{_mend(instrumentor)}{nearest(part, dir(function))}"
                return wrong(subject, f"{path} is not in {module}", do, target=target)
            function = getattr(function, part)
    except (Exception, SystemExit) as error:  # a script that is its own main program ends with the latter
        do = f"Make `import {module}` work in this environment: the pipeline needs it, too."
        if isinstance(error, ModuleNotFoundError) and not can_be_found(module):
            do = f"{_mend(instrumentor)}{nearest_module(target)}"
        text = f"{path}: {module} cannot be imported ({type(error).__name__}: {error})"
        return wrong(subject, text, do, target=target)
    if patch is None:
        return unknown(subject, f"{path} has no patch on record", target=target)
    if not patch.attached and not callable(function):
        what, do = no_function(function)
        return wrong(subject, f"{path} in {module} is {what}", do, target=target)
    if not patch.attached:
        return wrong(
            subject,
            f"{path} in {module} is not wrapped",
            "Turn the instrumentor on before anything replaces that function; report it if it is never wrapped.",
            target=target,
        )
    if not patch.in_use:
        return wrong(
            subject,
            f"{path} was replaced after it was wrapped, by what does not say that it calls it"
            f" ({type(function).__name__})",
            "Instrument after it is replaced, or name in the boundary what it is replaced by.",
            target=target,
        )
    missing = _missing(parent, function, parameters)
    if missing is None:
        return unknown(subject, f"{path} is wrapped, but its parameters cannot be read", target=target)
    if missing:
        return wrong(
            subject,
            f"{path} is wrapped, but takes no {' and no '.join(missing)}: nothing can be compared there",
            f"{_mend(instrumentor)}{nearest(missing[0], declared.parameters(function) or ())}",
            target=target,
        )
    if not patch.on_top:
        return ok(
            subject, f"{path} wrapped, below a wrapper of somebody else's ({type(function).__name__})", target=target
        )
    return ok(subject, f"{path} wrapped", target=target)


def _of_main(subject: str, target: str) -> Finding:
    text = f"cannot tell: whether {target} is wrapped, as __main__ is the program that is run, here the doctor"
    do = "Ask within the pipeline (otel_handoff.doctor.examine()), or move it into a module of its own."
    return Finding(subject, "unknown", text, do, {"target": target})


def _mend(instrumentor: str) -> str:
    return _MOVED if instrumentor == "elspeth" else "Correct it in the Boundary."


def _missing(parent: Any, function: Any, paths: Sequence[str]) -> list[str] | None:
    there = declared.parameters_of(parent, function)
    if there is None:
        return None
    missing = [parse(path).root for path in paths if not there.leads(path, returned=True)]
    return None if not missing and any(there.is_open_to(path) for path in paths) else missing


def _module(target: str) -> str:
    return target.partition(":")[0]


def _is_there(module: str) -> bool:
    try:
        return module in sys.modules or importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False  # a package above it is not there
    except Exception:
        return True  # it is there, and does not import: told where it is imported


def _version(root: str) -> str:
    for distribution in (root, *packages_distributions().get(root, ())):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return str(getattr(sys.modules.get(root), "__version__", "of unknown version"))
