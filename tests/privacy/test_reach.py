"""What otel-handoff reaches for: nothing that listens, nothing that connects, no file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("reaching.py")


def reached(*arguments: str) -> dict[str, list[str]]:
    """Run a racing host, with otel-handoff turned on, in a process that notes all it reaches for."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *arguments], capture_output=True, text=True, check=True, cwd=PROGRAM.parents[2]
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_nothing_listens_connects_writes_or_starts() -> None:
    """From instrument() to uninstrument(), over a mismatch."""
    found = reached()
    assert found["mismatches"] == ["used"]
    assert found["events"] == []
    assert found["sockets"] == []


def test_the_same_look_finds_what_does() -> None:
    """A hook that opens a socket and a file, and starts a program."""
    found = reached("--reach")
    assert {"socket.bind", "open", "subprocess.Popen"} <= set(found["events"])
    assert len(found["sockets"]) == 1
