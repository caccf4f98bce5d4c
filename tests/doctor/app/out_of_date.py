"""A module that asks another for what it no longer has."""

from __future__ import annotations

import sys
from typing import Any

modules: Any = sys
modules.no_such_function()
