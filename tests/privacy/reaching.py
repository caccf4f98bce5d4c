"""Run a racing host under an audit hook, and print as JSON what was reached for."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from otel_handoff import HandoffInstrumentor, Mismatch
from tests.hosts import WAIT, Context, Ledger, Order, Pool, back_to_back, boundary
from tests.telemetry import Telemetry

events: list[str] = []
kept: list[Any] = []
watched = False


def note(event: str, arguments: tuple[Any, ...]) -> None:
    if not watched:
        return
    if event == "open":
        _, mode, flags = arguments
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or set(mode or "") & set("wax+"):
            events.append(event)
    elif event.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.spawn")):
        events.append(event)


def sockets() -> list[str]:
    folder = Path("/proc/self/fd")
    links = [str(each.readlink()) for each in folder.iterdir() if each.is_symlink()] if folder.is_dir() else []
    return [link for link in links if link.startswith("socket:")]


def reach(mismatch: Mismatch) -> None:
    """What a hook may do, and this package does not."""
    telemetry.mismatches.append(mismatch)
    kept.append(socket.create_server(("127.0.0.1", 0)))
    with tempfile.TemporaryFile() as file:
        file.write(b"x")
    subprocess.run([sys.executable, "-c", ""], check=True)


sys.addaudithook(note)
telemetry = Telemetry()
options = telemetry.options
if "--reach" in sys.argv[1:]:
    options["on_mismatch"] = reach
watched = True
HandoffInstrumentor().instrument(mode="observe", boundaries=[boundary()], **options)
pool, ledger, both = Pool(), Ledger(), threading.Event()


def job(_order: Order, ctx: Context) -> None:
    assert both.wait(WAIT)
    ledger.post(ctx.order.id if ctx.order else None, "text")


for future in back_to_back(pool, Context(), job, both):
    future.result(WAIT)
pool.close()
open_sockets = sockets()
HandoffInstrumentor().uninstrument()
watched = False
outcomes = [mismatch.outcome for mismatch in telemetry.mismatches]
sys.stdout.write(json.dumps({"events": events, "sockets": open_sockets, "mismatches": outcomes}))
