"""`otel-handoff dashboards`: writes out dashboards, alerts, Collector configuration and queries."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from otel_handoff.commands import UsageError, told

DESCRIPTION: Final = """\
Write the dashboards, alerts and Collector configuration of this version into a
directory. A file that is there and differs is left alone, unless --force.

  grafana/     an overview on Prometheus, and a board of traces on Tempo
  alerts/      Prometheus rules and their tests, a runbook, configurations
  collector/   keep every trace with a mismatch, sample the rest
  queries/     what an auditor asks, in ClickHouse SQL and TraceQL
  registry/    the names of all telemetry, for OpenTelemetry Weaver
"""

EPILOG: Final = """\
examples:
  otel-handoff dashboards monitoring
  otel-handoff dashboards monitoring --runbook-url https://wiki.example/handoff
  promtool check rules monitoring/alerts/handoff.rules.yml
"""

_RUNBOOK: Final = "https://runbooks.example.com/otel-handoff/runbook.md"
"""What the alerts link to, until somebody says where the runbook stands."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options, and the help that goes with them, to a parser of `otel-handoff dashboards`."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.add_argument("directory", metavar="DIR", type=Path, help="where to write; made if it is not there")
    parser.add_argument("--force", action="store_true", help="overwrite files that differ")
    parser.add_argument(
        "--runbook-url",
        metavar="URL",
        help="where your on-call reads the runbook; the alerts link its sections (the file that is written)",
    )


def main(args: argparse.Namespace) -> int:
    """Write the files.

    Returns:
        0; 2 where a file differs or cannot be written, told in one line on stderr.
    """
    return told(partial(_run, args))


def _run(args: argparse.Namespace) -> int:
    try:
        _write(args.directory, args.runbook_url, force=args.force)
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror}") from error
    return 0


def _write(directory: Path, runbook_url: str | None, *, force: bool) -> None:
    url = _runbook_url(directory) if runbook_url is None else _checked(runbook_url)
    wanted = {directory / name: text.replace(_RUNBOOK, url) for name, text in shipped().items()}
    there = {path: path.read_bytes() for path in wanted if path.exists()}
    differing = [path for path, old in there.items() if old != wanted[path].encode()]
    if differing and not force:
        more = f" and {len(differing) - 1} more" if len(differing) > 1 else ""
        raise UsageError(f"{differing[0]}{more} would be overwritten, and nothing was written; --force overwrites")
    for path, text in wanted.items():
        if path in there and path not in differing:
            sys.stdout.write(f"unchanged  {path}\n")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        sys.stdout.write(f"wrote      {path}\n")
    sys.stdout.write(f"The alerts link to {url}\nNext: {directory / 'README.md'}\n")


def shipped() -> dict[str, str]:
    """Return what is written, as text by relative path, in order."""
    installed = Path(__file__).parent / "data" / "dashboards"
    # In a source tree nothing was copied into the package.
    root = installed if installed.is_dir() else Path(__file__).parents[2] / "dashboards"
    kinds = (".md", ".yml", ".yaml", ".json", ".sql", ".lint")
    found = (path for path in sorted(root.rglob("*")) if path.name.endswith(kinds))
    return {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in found}


def _runbook_url(directory: Path) -> str:
    return (directory.absolute() / "alerts" / "runbook.md").as_uri()


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if not parts.scheme or parts.fragment or any(character.isspace() or character in "\"'{}" for character in url):
        raise UsageError(f"--runbook-url is a URL without a #fragment, not {url!r}")
    return url
