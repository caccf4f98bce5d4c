"""What is wrapped in this process, how OpenTelemetry is set up in it, and whether an alert would get out.

`otel-handoff doctor` shows it; `examine()` gives the same to a pipeline that sets itself up in its own code.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_handoff.doctor.diagnosis import Diagnosis
    from otel_handoff.doctor.finding import Finding

__all__ = ["examine"]

_one_at_a_time = threading.RLock()  # loggers and exporters are listened to meanwhile, and then given back as they were


def examine(*, send_test_alert: bool = False, before: Sequence[Finding] = (), apart: bool = False) -> Diagnosis:
    """Look at this process as it is now. Raises nothing: what cannot be seen is a finding of its own.

    Call it where the pipeline is set up. The modules of the host that are to be wrapped are imported, and nothing else
    is changed.

    Args:
        send_test_alert: also send an alert that is marked as a test, and see what becomes of it. Takes as long as the
            exporters take, 30 s at most.
        before: what is known of how the process was set up.
        apart: whether this is not the pipeline's process, but one that was set up as it is.
    """
    from otel_handoff.doctor import carriers, environment, providers, settings, trial, ways, wrapped
    from otel_handoff.doctor.diagnosis import Diagnosis
    from otel_handoff.doctor.finding import Section

    parts: list[tuple[str, Callable[[], Iterable[Finding]]]] = [
        ("This process", lambda: environment.look(before)),
        ("What is wrapped", lambda: wrapped.look(apart=apart)),
        ("OpenTelemetry", lambda: chain(providers.look(), carriers.look())),
        ("Settings", settings.look),
        ("Would an alert get out?", ways.look),
    ]
    if send_test_alert:
        parts.append(("Test alert", trial.send))
    with _one_at_a_time:
        return Diagnosis([Section(title, _guarded(title, look)) for title, look in parts])


def _guarded(title: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    from otel_handoff.doctor.discretion import hidden, without_secrets
    from otel_handoff.doctor.finding import Finding, unknown

    found: list[Finding] = []
    try:
        for finding in look():
            found.append(finding)  # noqa: PERF402 - what was found before an error is kept
    except Exception as error:
        found.append(unknown(title.lower(), f"the doctor met an error of its own ({type(error).__name__}: {error})"))
    return [
        Finding(one.subject, one.state, without_secrets(one.text), without_secrets(one.do), hidden(one.facts))
        for one in found
    ]
