"""Clean rows, of which nothing is to be told: three hundred of some kinds, or as many of each as somebody asks for.

`HANDOFF_CLEAN_ROWS=10000 pytest -k clean_rows tests/processes tests/engines` runs ten thousand of each kind: through
pools of processes, Dask, Celery's threads on Redis, and messages. It takes some minutes.
"""

from __future__ import annotations

import os
from typing import Final

import pytest

ROWS: Final = int(os.environ.get("HANDOFF_CLEAN_ROWS", "300"))
"""How many."""

SECONDS: Final = max(120, ROWS * 0.12)
"""After which a test of them hangs."""

asked_for: Final = pytest.mark.skipif("HANDOFF_CLEAN_ROWS" not in os.environ, reason="HANDOFF_CLEAN_ROWS asks for it")
lasting: Final = pytest.mark.timeout(SECONDS)
