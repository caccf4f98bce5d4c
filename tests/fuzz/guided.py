"""The same promises on bytes that atheris finds by coverage: `python -m tests.fuzz.guided --minutes 5`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import atheris  # pyright: ignore[reportMissingImports, reportMissingModuleSource]

guide: Any = atheris
"""Untyped. It is in the extra `fuzz`, where there is a wheel of it."""

_INSTRUMENTED = ["otel_handoff.check", "otel_handoff.report", "otel_handoff.traces"]


def main() -> None:
    """Fuzz, and exit: with 0 if every promise was kept, else libFuzzer tells and keeps the input."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.guided", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    options = parser.parse_args()
    with guide.instrument_imports(include=_INSTRUMENTED):
        for name in ("otel_handoff.check.run", "otel_handoff.report.run"):
            import_module(name)
    from tests.fuzz.inputs import built
    from tests.fuzz.promises import Promises

    keep = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        corpus, home = Path(folder, "corpus"), Path(folder, "fuzz")
        corpus.mkdir()
        home.mkdir()
        for number, request in enumerate(built()):
            (corpus / str(number)).write_text(json.dumps(request) + "\n")
        promises = Promises(home, in_time=False)  # libFuzzer has an alarm of its own
        limits = [f"-max_total_time={int(60 * options.minutes)}", "-timeout=60", "-rss_limit_mb=1500", "-max_len=20000"]
        quiet = ["-print_final_stats=1", "-verbosity=0", f"-artifact_prefix={keep}/fuzz-"]
        guide.Setup([sys.argv[0], *limits, *quiet, str(corpus)], promises.hold)
        guide.Fuzz()


if __name__ == "__main__":
    main()
