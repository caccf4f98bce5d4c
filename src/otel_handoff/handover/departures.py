"""What is being serialised here: the rows in it have left once all of it is, and have not where that fails."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from otel_handoff.host.guard import guard
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.standin import stand_in
from otel_handoff.host.wrapping import Patch

Settle = Callable[[BaseException | None], object]
"""Takes what a row failed to leave with; None where it has left."""

_settling: Final[ContextVar[list[Settle] | None]] = ContextVar("otel_handoff_settling", default=None)

_PICKLING: Final = (
    "multiprocessing.reduction:ForkingPickler.dumps",
    "loky.backend.reduction:dumps",
    "joblib.externals.loky.backend.reduction:dumps",
)
"""What pools of processes, and queues between them, pickle an item with, most often in a thread of their own."""


def serialised(wrapped: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call what serialises something, and return what that returns: then the rows are settled that leave in it."""
    rows: list[Settle] = []
    token = _settling.set(rows)
    failed: BaseException | None = None
    try:
        return wrapped(*args, **kwargs)
    except BaseException as error:
        failed = error
        raise
    finally:
        _settling.reset(token)
        for settle in rows:
            with guard:
                settle(failed)
        failed = None  # it holds this frame


def settle_later(settle: Settle) -> None:
    """Settle a row when that is serialised which it leaves in; at once where nobody knows when that is."""
    rows = _settling.get()
    if rows is None:
        settle(None)
    else:
        rows.append(settle)


def pickling() -> tuple[Patch, ...]:
    """Return the patches for what pools of processes pickle with."""
    return tuple(Patch(target, _wrap) for target in _PICKLING)


def _wrap(function: Any, _parameters: Parameters) -> Any:
    return stand_in(function, _pickled)


def _pickled(wrapped: Any, _instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return serialised(wrapped, args, kwargs)
