"""The files that are to be read: those that are named, and those of folders."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from otel_handoff.commands import UsageError
from otel_handoff.traces.folders import is_plainly_text, may_hold_traces

STDIN: Final = "-"
_LOOKED_FOR: Final = "looked for OTLP, in JSON or Protobuf"


class InputError(UsageError):
    """What was asked for cannot be read at all; told in one line."""


class Broken(NamedTuple):
    """What could not be read, or not in full: a line, counted from 1, or (0) a file as a whole."""

    file: str
    line: int
    reason: str


class Found(NamedTuple):
    """What is to be read.

    Attributes:
        files: each once; a folder's are in the order of their names.
        passed_over: what may hold traces in a folder, and is not among `files`.
        others: the files of folders that are plainly no traces.
    """

    files: list[str]
    passed_over: list[Broken]
    others: list[str]


def find(paths: Iterable[str]) -> Found:
    """Return the files that `paths` stand for.

    In a folder each file counts, whatever its name, unless it plainly holds no traces: a database, a page, a document
    or text without a word of them. One that is named is read, unless it is plainly a text of something else.

    Raises:
        InputError: there is no such file or folder, it cannot be read, or nothing that is named, or is in a folder,
            may hold traces.
    """
    files: dict[str, None] = {}
    texts: list[str] = []
    found = Found([], [], [])
    for path in paths:
        if path == STDIN:
            if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]
                raise InputError("standard input is closed")
            files[path] = None
            continue
        try:
            mode = os.stat(path).st_mode  # noqa: PTH116  a Path takes "" for the working folder
            if stat.S_ISDIR(mode):
                files.update(dict.fromkeys(_in_folder(path, found)))
            else:
                if stat.S_ISREG(mode):  # a pipe can be opened but once
                    with Path(path).open("rb"):
                        pass
                    if is_plainly_text(Path(path)):
                        texts.append(path)
                        continue
                files[path] = None
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            name = getattr(error, "filename", None) or path
            raise InputError(f"cannot read {name}: {getattr(error, 'strerror', None) or error}") from error
    if texts and not files and not found.passed_over:
        raise InputError(f"no traces in {', '.join(texts)}: {_LOOKED_FOR}")
    found.passed_over.extend(Broken(text, 0, f"no traces in it: {_LOOKED_FOR}") for text in texts)
    found.files.extend(files)
    return found


def _in_folder(folder: str, found: Found) -> Sequence[str]:
    """Return the files of a folder that are to be read; add the others, where it says why not, to `found`."""

    def unread(error: OSError) -> None:
        raise error

    files: list[str] = []
    before = len(found.passed_over)
    root = os.path.join(os.path.realpath(folder), "")  # noqa: PTH118
    for where, folders, names in os.walk(folder, onerror=unread):
        folders.sort()
        for name in folders:
            path = Path(where, name)
            if path.is_symlink() and not os.path.join(os.path.realpath(path), "").startswith(root):  # noqa: PTH118
                found.passed_over.append(Broken(str(path), 0, "a link to another folder, which is not followed"))
        for name in sorted(names):
            path = Path(where, name)
            if not path.is_file():
                if path.is_symlink() or path.is_fifo():
                    found.passed_over.append(Broken(str(path), 0, "a pipe, or a link that leads nowhere"))
            else:
                answer = may_hold_traces(path)
                if answer is True:
                    files.append(str(path))
                elif answer is False:
                    found.others.append(str(path))
                else:
                    found.passed_over.append(Broken(str(path), 0, answer))
    if not files and len(found.passed_over) == before:
        raise InputError(f"no file of traces in {folder}: {_LOOKED_FOR}")
    return files
