"""`otel-handoff dashboards` writes out what the package brings, and spares what somebody has changed."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from otel_handoff.cli import main
from tests.dashboards.boards import FOLDER
from tests.dashboards.servers import ROOT

RULES = Path("alerts", "handoff.rules.yml")


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def brought() -> set[str]:
    made_here = (FOLDER / "source", FOLDER / "__pycache__")
    return {name for name in files(FOLDER) if not any((FOLDER / name).is_relative_to(folder) for folder in made_here)}


def runbook_urls(folder: Path) -> set[str]:
    groups = yaml.safe_load((folder / RULES).read_text("utf-8"))["groups"]
    return {rule["annotations"]["runbook_url"].partition("#")[0] for group in groups for rule in group["rules"]}


def test_everything_is_written_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All that is in dashboards/, but for the sources of the JSON."""
    assert main(["dashboards", str(tmp_path / "new" / "monitoring")]) == 0
    written = files(tmp_path / "new" / "monitoring")
    assert set(written) == brought()
    said = capsys.readouterr().out
    assert all(f"wrote      {tmp_path / 'new' / 'monitoring' / name}" in said for name in written)


def test_the_alerts_link_the_runbook_that_was_written(tmp_path: Path) -> None:
    """So that the link leads somewhere from the start."""
    assert main(["dashboards", str(tmp_path)]) == 0
    assert runbook_urls(tmp_path) == {(tmp_path / "alerts" / "runbook.md").as_uri()}


def test_the_alerts_link_the_runbook_that_is_named(tmp_path: Path) -> None:
    """Where the on-call reads it."""
    assert main(["dashboards", str(tmp_path), "--runbook-url", "https://wiki.test/handoff"]) == 0
    assert runbook_urls(tmp_path) == {"https://wiki.test/handoff"}


@pytest.mark.parametrize("url", ["wiki/handoff", "https://wiki.test/#top", "https://wiki.test/a b", "https://{{x}}"])
def test_a_runbook_that_cannot_be_linked_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    """In one line, with nothing written."""
    assert main(["dashboards", str(tmp_path), "--runbook-url", url]) == 2
    assert capsys.readouterr().err == f"otel-handoff: --runbook-url is a URL without a #fragment, not {url!r}\n"
    assert files(tmp_path) == {}


def test_what_is_there_already_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Written again, nothing changes."""
    main(["dashboards", str(tmp_path)])
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    capsys.readouterr()
    assert main(["dashboards", str(tmp_path)]) == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert "wrote" not in capsys.readouterr().out


def test_a_changed_file_is_not_overwritten_and_nothing_else_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody has tuned it."""
    main(["dashboards", str(tmp_path)])
    (tmp_path / RULES).write_text("tuned")
    (tmp_path / "README.md").unlink()
    assert main(["dashboards", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"otel-handoff: {tmp_path / RULES} would be overwritten, and nothing was written; --force overwrites\n"
    )
    assert (tmp_path / RULES).read_text() == "tuned"
    assert not (tmp_path / "README.md").exists()


def test_force_overwrites(tmp_path: Path) -> None:
    """And writes what is missing."""
    main(["dashboards", str(tmp_path)])
    wanted = files(tmp_path)
    (tmp_path / RULES).write_text("tuned")
    (tmp_path / "README.md").unlink()
    assert main(["dashboards", str(tmp_path), "--force"]) == 0
    assert files(tmp_path) == wanted


def test_a_place_that_cannot_be_written_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file stands where the directory should."""
    (tmp_path / "file").write_text("")
    assert main(["dashboards", str(tmp_path / "file" / "monitoring")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("otel-handoff: cannot write ")
    assert error.count("\n") == 1


def test_the_wheel_brings_them(tmp_path: Path) -> None:
    """Run from the wheel alone, the command writes the same files as from the sources."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], cwd=ROOT, check=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    options = ["--runbook-url", "https://wiki.test"]
    command = [sys.executable, "-m", "otel_handoff.cli", "dashboards", str(tmp_path / "from-wheel"), *options]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert main(["dashboards", str(tmp_path / "from-sources"), *options]) == 0
    assert files(tmp_path / "from-wheel") == files(tmp_path / "from-sources")
    assert (tmp_path / "installed" / "otel_handoff" / "data" / "dashboards" / RULES).is_file()
