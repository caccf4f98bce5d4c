"""Mistakes are told in one line."""

from __future__ import annotations

import argparse
import builtins
import importlib.util
import socket
from pathlib import Path
from typing import Any

import pytest

from otel_handoff.demo import command
from otel_handoff.demo import run as run_module


def demo(*options: str) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="otel-handoff demo")
    command.add_arguments(parser)
    return command.main(parser.parse_args(options))


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line on stderr, of a command that printed nothing else."""
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("otel-handoff: ")
    assert captured.err.count("\n") == 1
    return captured.err.removeprefix("otel-handoff: ").rstrip()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rows", "0"], "--rows is a whole number of at least 1, not '0'"),
        (["--rows", "many"], "--rows is a whole number of at least 1, not 'many'"),
        (["--seed", "-1"], "--seed is a whole number of at least 0, not '-1'"),
        (["--port", "65536"], "--port is a whole number from 0 to 65535, not '65536'"),
        (["--mode", "fast"], "--mode is one of compare, off, observe, pin, strict, not 'fast'"),
        (["--engine", "steam"], "--engine is threads, celery or dask, not 'steam'"),
        (["--broker", "redis://"], "--broker is of --engine celery"),
    ],
)
def test_a_wrong_option_is_told_in_one_line(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 2, and before anything is written."""
    assert demo(*options) == 2
    assert one_line(capsys) == message


def test_an_out_that_is_a_file_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Itself, or where a directory of it should be."""
    taken = tmp_path / "taken"
    taken.write_text("mine")
    assert demo("--out", str(taken)) == 2
    assert one_line(capsys) == f"cannot write to --out {taken}: File exists"
    assert demo("--out", str(taken / "below")) == 2
    assert one_line(capsys).startswith(f"cannot write to --out {taken / 'below'}: ")
    assert taken.read_text() == "mine"
    (tmp_path / "off").write_text("mine")
    assert demo("--out", str(tmp_path), "--mode", "off") == 2
    assert one_line(capsys) == f"{tmp_path / 'off'}: File exists"


def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And the files of an earlier run stay."""
    (tmp_path / "off").mkdir()
    (tmp_path / "off" / "landscape.db").write_text("of an earlier run")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert demo("--out", str(tmp_path), "--port", str(port), "--mode", "off") == 2
    assert one_line(capsys) == f"cannot listen on 127.0.0.1:{port}: Address already in use"
    assert (tmp_path / "off" / "landscape.db").read_text() == "of an earlier run"


@pytest.mark.parametrize(
    ("called", "found", "said"),
    [
        (".venv/bin/otel-handoff", None, ".venv/bin/otel-handoff"),
        ("/env/bin/otel-handoff", "/env/bin/otel-handoff", "otel-handoff"),
        ("pytest", None, "otel-handoff"),
    ],
)
def test_what_to_run_next_can_be_run(
    called: str,
    found: str | None,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the name that it was called by where the PATH does not have it, and with a path that a shell takes for one."""

    def which(_name: str) -> str | None:
        return found

    monkeypatch.setattr("sys.argv", [called])
    monkeypatch.setattr("shutil.which", which)
    out = tmp_path / "a folder"
    assert demo("--out", str(out), "--mode", "pin", "--rows", "1") == 0
    assert f"  {said} check '{out}/pin/traces.jsonl' --records wrong.csv\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("package", "options", "extra"),
    [("rich", [], "demo"), *((package, ["--engine", package], package) for package in ("celery", "dask"))],
)
def test_a_missing_extra_says_what_to_install(
    package: str,
    options: list[str],
    extra: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whichever of its packages is not there."""
    real = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name.partition(".")[0] == package:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
        return real(name, *args)

    def found(name: str) -> Any:
        return None if name == package else importlib.util.find_spec(name)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(command, "find_spec", found)
    assert demo("--out", str(tmp_path), "--mode", "off", "--rows", "1", *options) == 2
    assert one_line(capsys) == f"the demo needs {package}: pip install 'otel-handoff[{extra}]'"


def test_ctrl_c_ends_it_with_one_line_and_no_thread(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in the middle of a row whose request is held: nobody goes on waiting."""

    def interrupt(self: Any, token: Any, attempt: int) -> None:
        if attempt == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(run_module.Gate, "submitted", interrupt)
    assert demo("--out", str(tmp_path), "--mode", "pin", "--rows", "50") == 130
    assert one_line(capsys) == "interrupted"


def test_the_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    """What each mode does, and an example."""
    with pytest.raises(SystemExit) as stopped:
        demo("--help")
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    for word in ("compare", "observe", "pin", "strict", "--rows N", "celery", "otel-handoff demo --mode observe"):
        assert word in printed
