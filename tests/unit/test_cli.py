"""The command line teaches: its help fits a terminal, and what is misspelt is told where it was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_handoff import cli

COMMANDS = list(cli.commands_of(cli.parser()))


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Return the exit code, and what was printed."""
    try:
        code = cli.main(arguments)
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_the_help_fits_a_terminal(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 80 columns, and has examples."""
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = said(capsys, *command, "--help")
    assert (code, err) == (0, "")
    assert [line for line in out.splitlines() if len(line) > 80] == []
    assert f"  {' '.join(('otel-handoff', *command))} " in f"{out}\n".partition("\nexamples:\n")[2].replace("\n", " \n")


@pytest.mark.parametrize(
    ("arguments", "usage", "meant"),
    [
        (["chekc", "traces/"], "otel-handoff", "there is no command 'chekc'. Did you mean 'check'?"),
        (["check", "traces/", "--recrods=x"], "otel-handoff check", "--recrods=x. Did you mean '--records'?"),
        (["report", "traces/", "--ouptut", "x"], "otel-handoff report", "--ouptut x. Did you mean '--output'?"),
        (["find", "--verfiy", "--", "true"], "otel-handoff find", "--verfiy. Did you mean '--verify'?"),
        (["doctor", "--qqq"], "otel-handoff doctor", "unrecognized arguments: --qqq."),
        (["check"], "otel-handoff check", "required: PATH"),
    ],
)
def test_what_is_misspelt(arguments: list[str], usage: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The usage is that of the command it was said to, and the nearest word is named."""
    code, out, err = said(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"usage: {usage} [-h]")
    assert err.endswith(f"{meant}\n")


def test_a_file_that_is_no_trace_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Is told in one line; beside others it is told as one that could not be read, and these are read."""
    readme, config = tmp_path / "README", tmp_path / "a.toml"
    readme.write_text("About.\n\nAs {others} have it.\n")
    config.write_text("[project]\nname = 1\n[2]\n")
    for command in ("check", "report"):
        code, out, err = said(capsys, command, str(readme), str(config))
        assert (code, out) == (2, "")
        assert err == f"otel-handoff: no traces in {readme}, {config}: looked for OTLP, in JSON or Protobuf\n"
    (traces := tmp_path / "traces.jsonl").write_text('{"resourceSpans":[]}\n')
    code, out, err = said(capsys, "check", str(readme), str(traces))
    assert (code, err) == (2, f"otel-handoff: {readme}: no traces in it: looked for OTLP, in JSON or Protobuf\n")
    assert "1 file could not be read" in out
