# ruff: noqa: INP001  it is no part of a package: Python imports it by its name alone
"""Python runs this when it starts a program under `otel-handoff find`: from then on it is looked at."""

import importlib
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  nothing is imported that need not be


def _theirs() -> None:
    # One of the environment's own, that this one stands before.
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != _HERE]  # noqa: PTH100
    own = sys.modules.pop("sitecustomize", None)
    try:
        importlib.import_module("sitecustomize")
    except ImportError:
        if own is not None:
            sys.modules["sitecustomize"] = own


_theirs()

if os.environ.get("OTEL_HANDOFF_FIND_INTO"):
    try:
        from otel_handoff.find.program import begin
    except ImportError as error:
        sys.stderr.write(
            f"otel-handoff find: {sys.executable} cannot import it ({error}): install otel-handoff there\n"
        )
    else:
        begin()
