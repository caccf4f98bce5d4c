"""Real workers, on a broker of files or on Redis, in folders of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.clean import SECONDS
from tests.servers import listens, reserved, server, tool

APP = Path(__file__).parent / "app"
SOURCE = Path(__file__).parents[2] / "src"

needs_celery = pytest.mark.skipif(find_spec("celery") is None, reason="Celery is not installed: the extra `celery`")


@dataclass
class Shop:
    """One run: what was filed, and what was told of it.

    Attributes:
        folder: where all of it is.
        filed: row, and the id that it was filed under.
        told: outcome, evidence, expected, observed, side, and the culprit's place.
        logged: what was logged of otel-handoff, by both sides.
        log: what the worker printed.
    """

    folder: Path
    filed: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    told: list[Any] = field(default_factory=list[Any])
    logged: str = ""
    log: str = ""

    def wrong(self, shape: str) -> list[tuple[str, str]]:
        """Return the rows of one shape that were filed under another's id."""
        return sorted((row, under) for row, under in self.filed if row.startswith(f"{shape}.") and row != under)

    def found(self, shape: str, *outcomes: str) -> list[tuple[str, str]]:
        """Return what was told of what its rows were filed under."""
        return sorted(
            (told[2], told[3])
            for told in self.told
            if told[2].startswith(f"{shape}.") and told[0] in outcomes and told[1] in ("call", "result")
        )


def run(
    folder: Path,
    *shapes: str,
    mode: str = "observe",
    worker_mode: str | None = None,
    pool: str = "threads",
    count: int = 12,
    want: int = 0,
    seconds: float = 60,
    **environment: str,
) -> Shop:
    """Hand rows over, have a worker do all of them, and return what became of it.

    It is given up when nothing more is filed for `seconds`: how long all of it takes, nobody knows.
    """
    shop = _ran(folder, shapes, mode, worker_mode or mode, pool, count, want, seconds, environment)
    assert len(shop.filed) == want, shop.log
    assert "an error of its own" not in shop.logged, shop.logged
    return shop


def _ran(
    folder: Path,
    shapes: Sequence[str],
    mode: str,
    worker_mode: str,
    pool: str,
    count: int,
    want: int,
    seconds: float,
    environment: Mapping[str, str],
) -> Shop:
    for name in ("broker", "control", "results"):
        (folder / name).mkdir(parents=True)
    python = str(SOURCE), str(APP), str(SOURCE.parent)
    both = {
        **os.environ,
        "SHOP": str(folder),
        "SHOP_BACKEND": f"file://{folder / 'results'}",
        "PYTHONPATH": os.pathsep.join(python),
        "C_FORCE_ROOT": "1",
        "PYTHONWARNINGS": "ignore",
        **environment,
    }
    sending = {**both, "SHOP_SIDE": "sender", "SHOP_MODE": mode}
    command = [sys.executable, "shop_send.py", str(count), *shapes]
    sent = subprocess.run(command, cwd=APP, env=sending, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert sent.returncode == 0, sent.stderr
    working = {**both, "SHOP_SIDE": "worker", "SHOP_MODE": worker_mode}
    options = ["-P", pool, "-c", "4", "-l", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    command = [sys.executable, "-m", "celery", "-A", "shop_worker", "worker", *options]
    with (folder / "worker.log").open("w") as log:
        worker = subprocess.Popen(command, cwd=APP, env=working, stdout=log, stderr=log)
        try:
            filed, until = 0, time.monotonic() + seconds
            while filed < want and time.monotonic() < until and worker.poll() is None:
                if (now := len(_lines(folder / "filed.jsonl"))) > filed:
                    filed, until = now, time.monotonic() + seconds
                time.sleep(0.05)
        finally:
            worker.send_signal(signal.SIGTERM)
            try:
                worker.wait(30)
            except subprocess.TimeoutExpired:
                worker.kill()
    shop = Shop(folder, [tuple(line) for line in _lines(folder / "filed.jsonl")], _lines(folder / "told.jsonl"))
    logged = folder / "logged.txt"
    shop.logged = logged.read_text("utf-8") if logged.exists() else ""
    shop.log = (folder / "worker.log").read_text("utf-8")
    return shop


def _lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    """A Redis of this test's own."""
    program = tool("redis-server", "redis-server")
    pytest.importorskip("redis", reason="the package redis is not here: the extra `celery`")
    with reserved(1) as [port]:
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(tmp_path)]
        with server([program, "--port", str(port), *options], lambda: listens(port), tmp_path / "redis.log"):
            yield f"redis://127.0.0.1:{port}/0"
