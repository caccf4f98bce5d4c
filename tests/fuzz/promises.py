"""What `check` and `report` promise of any input at all, held for one file."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, Final

from otel_handoff import cli
from tests.fuzz.page import foreign_parts

SECONDS: Final = 60
"""That one command may take. A hundredth is usual; what exceeds this hangs."""

_DONE: Final = {"check": (0, 1, 2), "report": (0, 2)}


class Outside:
    """What is opened for writing, or reached for, while a command runs. An audit hook cannot be removed: make one."""

    def __init__(self) -> None:
        self._asked: tuple[str, ...] | None = None
        self.found: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        asked = self._asked
        if asked is None:
            return
        if event == "open":
            path, mode, flags = args
            writes = flags & (os.O_WRONLY | os.O_RDWR) if isinstance(flags, int) else set(mode or "") & set("wax+")
            if writes and isinstance(path, (str, bytes)) and not os.fsdecode(path).startswith(asked):
                self.found.append(f"open {path!r}")
        elif event.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.spawn", "shutil.", "webbrowser.")):
            self.found.append(event)

    @contextlib.contextmanager
    def watched(self, asked: Path) -> Generator[None]:
        """Only files below `asked`, and the null device, may be written."""
        self._asked = (f"{asked}{os.sep}", os.devnull)
        try:
            yield
        finally:
            self._asked = None


class Hangs(BaseException):
    """A command did not end in time. No `except Exception` holds it."""


@contextlib.contextmanager
def _in_time() -> Generator[None]:
    def late(*_: object) -> None:
        raise Hangs

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _strict(text: str) -> Any:
    def refused(constant: str) -> None:
        raise AssertionError(constant)  # only Python reads NaN

    return json.loads(text, parse_constant=refused)


class Promises:
    """Runs both commands on inputs, in a folder of its own."""

    def __init__(self, folder: Path, *, in_time: bool = True) -> None:
        """Write below `folder`; `in_time`: end what hangs by an alarm."""
        self.input: Path = folder / "traces.jsonl"
        self._out = folder / "out"
        self._out.mkdir()
        self._outside = Outside()
        self._in_time = _in_time if in_time else contextlib.nullcontext

    def hold(self, data: bytes) -> None:
        """Raise whatever a command raises, or AssertionError: a promise is not kept."""
        self.input.write_bytes(data)
        code, out, err = self._run("check", "--records", str(self._out / "records.csv"))
        told = _strict(self._run("check", "--format", "json")[1])
        assert (code == 1) == bool(told["mismatches"])
        assert (code == 2) == (told["verdict"] == "not known")
        assert (code == 0) <= (told["judged"] > 0 == told["checked"]["broken_lines"] == len(told["passed_over"]))
        assert (out + err).replace("\n", "").isprintable()
        page, perfetto = self._out / "page.html", self._out / "perfetto.json"
        if self._run("report", "-o", str(page), "--perfetto", str(perfetto))[0] == 0:
            text = page.read_text(encoding="utf-8")
            assert foreign_parts(text) == []
            assert len(text.encode()) < 1_500_000
            _strict(perfetto.read_text(encoding="utf-8"))
        left = {path.name for path in self._out.iterdir()}
        assert left <= {"records.csv", "page.html", "perfetto.json"}
        for name in left:
            (self._out / name).unlink()

    def _run(self, command: str, *options: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        arguments: Sequence[str] = (command, str(self.input), *options)
        streams = contextlib.redirect_stdout(out), contextlib.redirect_stderr(err)
        with streams[0], streams[1], self._in_time(), self._outside.watched(self._out):
            code = cli.main(arguments)
        assert code in _DONE[command]
        assert "Traceback" not in err.getvalue()
        assert self._outside.found == []
        return code, out.getvalue(), err.getvalue()
