"""Programs that tests run beside them: servers at loopback ports, ended by whoever started them."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import pytest

DEADLINE: Final = 60.0

T = TypeVar("T")


def tool(name: str, debian: str) -> str:
    """Return the path of a program. Where it is missing the test is skipped, and fails in CI, which installs it."""
    if found := shutil.which(name):
        return found
    return _missing(f"{name} is not here: apt-get install {debian}")


def package(module: str, install: str) -> Any:
    """Return a module of a tool that is a Python package; where it is missing, as above."""
    name = module.partition(".")[0]
    if find_spec(name) is None:
        _missing(f"{name} is not here: pip install {install}")
    return import_module(module)


def _missing(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def until(ask: Callable[[], T | None], what: str) -> T:
    """Ask until the answer is true, and return it; fail after a minute."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        if answer := ask():
            return answer
        time.sleep(0.02)
    raise AssertionError(f"not within {DEADLINE:.0f} s: {what}")


def get(url: str) -> str | None:
    """Return what a URL answers, or None while it does not answer with 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.read().decode()
    except (urllib.error.URLError, OSError):
        return None


@contextlib.contextmanager
def server(command: Sequence[str | Path], ready: Callable[[], object], log: Path) -> Generator[None]:
    """Run a server until the block ends; it is up when `ready` says so. What it said is shown where a test fails."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            until(lambda: ready() or process.poll() is not None, f"{command[0]} is up")
            assert process.poll() is None, f"{command[0]} has ended"
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
            sys.stderr.write(log.read_text("utf-8", "replace"))


@contextlib.contextmanager
def reserved(count: int) -> Generator[list[int]]:
    """Hold free ports of 127.0.0.1 until the block ends, for programs that are started in it.

    They are bound and not listened at: a connection is refused until the program listens, which it can, as servers bind
    with SO_REUSEADDR. A port that is looked up and let go may be given to another, and the program ends at once.
    """
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in held:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            each.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in held]
        if sys.platform != "linux":  # elsewhere nobody may bind what is bound
            stack.close()
        yield ports


def listens(port: int) -> bool:
    """Tell whether somebody takes connections at a port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Generator[int]:
    """Serve at a free loopback port, which is returned."""
    serving = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=serving.serve_forever, name="serving")
    thread.start()
    try:
        yield serving.server_address[1]
    finally:
        serving.shutdown()
        thread.join()
        serving.server_close()
