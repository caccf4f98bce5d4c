"""`otel-handoff`, as it is called."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from otel_handoff.cli import main


@dataclass
class Done:
    """What a run of the command left."""

    code: int
    out: str
    err: str


def handoff(*arguments: Any, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> Done:
    """Run the command; no error of its own gets out of it.

    In this process, which takes a tenth of the time, but where it asks its process for more than arguments.
    """
    words = [str(argument) for argument in arguments]
    if stdin or environment or {"-", "/dev/stdout"} & {*words}:
        return _begun(words, stdin, environment or {})
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(words)
        except SystemExit as stop:
            code = stop.code
    assert isinstance(code, int)
    return Done(code, _text(out), _text(err))


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def _begun(words: list[str], stdin: bytes, environment: Mapping[str, str]) -> Done:
    command = [sys.executable, "-m", "otel_handoff.cli", *words]
    done = subprocess.run(command, input=stdin, capture_output=True, env={**os.environ, **environment}, check=False)
    assert b"Traceback" not in done.stderr
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())
