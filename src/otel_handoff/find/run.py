"""Looks at a program while it runs, tries what is to be proposed, and tells."""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from otel_handoff.commands import UsageError, in_full
from otel_handoff.find.found import Result, together
from otel_handoff.find.launch import Ran, run, written_in
from otel_handoff.find.program import PACKAGES, PROVOKE, TRY
from otel_handoff.find.propose import written
from otel_handoff.find.text import lines
from otel_handoff.find.verify import MODES, NOT_KNOWN, NOTHING, Tried, proposed, verdict

AT_LEAST, TIMES = 30, 10
"""Seconds that a program may take when what is proposed is tried, and how many times what it took before that."""


@dataclass(frozen=True)
class Options:
    """What is asked for.

    Attributes:
        command: what is run.
        read: a folder with what services found, instead.
        form: `text`, `json` or `sarif`; but for text, what the program prints goes to stderr.
        verify: whether what is proposed is tried.
        shared: whether what never moved is told.
        file: what the proposals are written into, if anything.
        page: what the page is written into, if anything.
        packages: installed ones that count as the program's own.
        patience: seconds that a worker is held back for the next hand-over.
    """

    command: Sequence[str]
    read: str | None
    form: str
    verify: bool
    shared: bool
    file: str | None
    page: str | None
    packages: Sequence[str]
    patience: float


def find(options: Options) -> int:
    """Return 0 where nothing wrong was seen, 1 where something was, 2 where that is not known.

    Raises:
        UsageError: there is no such program, or folder.
        OSError: the proposals cannot be written.
    """
    ran = _ran(options)
    try:
        result = together(Result.from_dict(data) for data in ran.results)
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{options.read or 'the result'}: it is no result of find ({error!r})") from error
    result.lost = ran.lost
    proposals = proposed(result.found)
    tried = _try(options, ran, json.dumps(proposals)) if options.verify and proposals else None
    if options.file is not None:
        _write(options.file, [written(proposal) for proposal in proposals])
    if options.page is not None:
        from otel_handoff.find.page import page

        with in_full(options.page) as file:
            file.write(page(result, tried))
        _say(f"written into {options.page}")
    if options.form == "sarif":
        sys.stdout.write(_as_sarif(result) + "\n")
    elif options.form == "json":
        whole = {**result.as_dict(), "exit_code": ran.code, "tried": tried.as_dict() if tried is not None else None}
        sys.stdout.write(json.dumps(whole, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines(result, tried, shared=options.shared))
    if ran.code:
        _say(f"the program ended with {ran.code}: what it would have done was not seen")
    if not ran.results and not ran.lost and options.read is not None:
        _say(f"nothing was written into {options.read} yet: the service writes when it ends, and on SIGUSR2")
    elif not ran.results and not ran.lost:
        _say("no Python program was seen to start and to end: is otel-handoff installed where it runs?")
    said = verdict(result, tried)
    return NOT_KNOWN if said == NOTHING and ran.code else said


def _as_sarif(result: Result) -> str:
    try:
        from otel_handoff.find.sarif import as_sarif
    except ModuleNotFoundError as error:
        raise UsageError(f'--format sarif needs {error.name}: pip install "otel-handoff[sarif]"') from error
    return as_sarif(result)


def _ran(options: Options) -> Ran:
    if options.read is not None:
        return Ran(0, 0, written_in(Path(options.read)))
    _say(f"looking at {shlex.join(options.command)}")
    environment = {PACKAGES: ",".join(options.packages), PROVOKE: str(options.patience)}
    return run(options.command, environment, is_quiet=options.form != "text")


def _try(options: Options, ran: Ran, proposals: str) -> Tried:
    tried = Tried(code=ran.code)
    at_most = max(AT_LEAST, TIMES * ran.seconds)
    with tempfile.TemporaryDirectory(prefix="otel-handoff-find-") as folder:
        path = Path(folder, "proposed.json")
        path.write_text(proposals, encoding="utf-8")
        for mode in MODES:
            _say(f"trying what is proposed, in {mode}")
            tried.add(mode, run(options.command, {TRY: f"{mode}:{path}"}, is_quiet=True, at_most=at_most))
    return tried


def _write(name: str, boundaries: Sequence[str]) -> None:
    setting = f"OTEL_HANDOFF_BOUNDARIES={Path(name).stem}:BOUNDARIES"
    with in_full(name) as file:
        file.write(f'"""Found by `otel-handoff find`: {setting} guards them."""\n\n')
        file.write("from otel_handoff import Boundary\n\nBOUNDARIES = [\n")
        for boundary in boundaries:
            file.writelines(f"    {line}\n" for line in f"{boundary},".splitlines())
        file.write("]\n")
    _say(f"{len(boundaries)} {'boundary' if len(boundaries) == 1 else 'boundaries'} written into {name}: {setting}")


def _say(what: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(f"otel-handoff find: {what}\n")
    sys.stderr.flush()
