"""A service that is looked at for a while: `OTEL_HANDOFF_FIND`, under `opentelemetry-instrument`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from otel_handoff.environment_variables import OTEL_HANDOFF_FIND
from otel_handoff.host.guard import guard

FOLDER: Final = "handoff-find"
"""Where results go if no folder is named."""


def begin() -> None:
    """Look from now on, if that is asked for."""
    asked = os.environ.get(OTEL_HANDOFF_FIND, "").strip()
    if asked.lower() in ("", "0", "false"):
        return
    with guard:
        from otel_handoff.find.program import look

        folder = Path(FOLDER if asked.lower() in ("1", "true") else asked)
        folder.mkdir(parents=True, exist_ok=True)
        look(folder.absolute())
