"""A trial comes to an end, whatever the proposal does to the program."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from otel_handoff.find import launch, run
from otel_handoff.find.launch import Ran
from otel_handoff.find.verify import OBSERVE, PIN, Tried
from tests.find.programs import OFFICE

MAILBOX = """
import threading
from office import ROWS, file


class Mailbox:
    def __init__(self):
        self.there, self.row, self.order_id, self.is_over = threading.Condition(), None, None, False


def serve(box):
    while True:
        with box.there:
            box.there.wait_for(lambda: box.row is not None or box.is_over)
            if box.row is None:
                return
            file(box.row, box.order_id)
            box.row = None
            box.there.notify_all()


def main():
    box = Mailbox()
    threads = [threading.Thread(target=serve, args=(box,), daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    for row in ROWS:
        with box.there:
            box.there.wait_for(lambda: box.row is None)
            box.row, box.order_id = row, row
            box.there.notify_all()
    with box.there:
        box.there.wait_for(lambda: box.row is None)
        box.is_over = True
        box.there.notify_all()
    for thread in threads:
        thread.join()
"""


def options(command: list[str]) -> run.Options:
    """Return those of a run that tries what it proposes."""
    return run.Options(
        command,
        read=None,
        form="text",
        verify=True,
        shared=False,
        file=None,
        page=None,
        packages=(),
        patience=0,
    )


def test_a_program_that_pin_holds_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its threads wait for what is put on the mailbox that they share: that is said, and nobody waits for them."""
    (tmp_path / "office.py").write_text(OFFICE, "utf-8")
    (tmp_path / "mailbox_of_three.py").write_text(MAILBOX, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "AT_LEAST", 2)
    code = run.find(options([sys.executable, "-c", "import mailbox_of_three; mailbox_of_three.main()"]))
    said = capfd.readouterr().out
    assert code == 2, said
    assert "Do not use it as it is: in pin the program does not end, and was stopped after" in said


def test_a_program_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stopped, also where it does not want to be."""
    monkeypatch.setattr(launch, "_GRACE", 0.5)
    stubborn = "import signal, threading; signal.signal(signal.SIGTERM, signal.SIG_IGN); threading.Event().wait()"
    ran = launch.run([sys.executable, "-c", stubborn], {}, is_quiet=True, at_most=1)
    assert ran.was_stopped
    assert ran.code != 0
    assert ran.seconds >= 1
    assert not launch.run([sys.executable, "-c", ""], {}, is_quiet=True, at_most=60).was_stopped


def test_what_is_said_of_one_that_was_stopped() -> None:
    """Nothing of how it ended, as it was made to."""
    tried = Tried()
    tried.add(OBSERVE, Ran(0, 0, []))
    tried.add(PIN, Ran(-15, 1, [], seconds=31.2, was_stopped=True))
    assert tried.stopped == {PIN: 31.2}
