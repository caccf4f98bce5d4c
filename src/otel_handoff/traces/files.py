"""The lines of files, folders and standard input; gzip or not, whole or not."""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import zlib
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, cast

from otel_handoff.commands import UsageError
from otel_handoff.traces.content import GZIP, may_hold_traces, unreadable

_LONGEST_LINE: Final = 1 << 26
_HEAD: Final = 1 << 13
_BUFFER: Final = 1 << 18
_RECORD: Final = b"\x1e"
"""Before each document of a JSON text sequence."""
_STDIN: Final = "-"

Progress = Callable[[int], object]


class InputError(UsageError):
    """What was asked for cannot be read at all; told in one line."""


class Broken(NamedTuple):
    """What could not be read, or not in full: a line, counted from 1, or (0) a file as a whole."""

    file: str
    line: int
    reason: str


class Line(NamedTuple):
    """A line that is not empty."""

    file: str
    number: int
    text: bytes


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
    or text without a word of them.

    Raises:
        InputError: there is no such file or folder, it cannot be read, or nothing in a folder may hold traces.
    """
    files: dict[str, None] = {}
    found = Found([], [], [])
    for path in paths:
        if path == _STDIN:
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
                files[path] = None
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            name = getattr(error, "filename", None) or path
            raise InputError(f"cannot read {name}: {getattr(error, 'strerror', None) or error}") from error
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
        raise InputError(f"no file of traces in {folder}: looked for lines of OTLP JSON")
    return files


def read_lines(
    files: Iterable[str], *, broken: Callable[[Broken], object], progress: Progress | None = None
) -> Generator[Line]:
    """Yield the lines of `files`, as `find` returns them.

    A file that holds no lines of text, ends in the middle, or cannot be read on, is told to `broken` and left there.
    """
    for file in files:
        name = "<stdin>" if file == _STDIN else file
        number = 0
        try:
            with _open(file) as raw:
                stream = _unpacked(raw)
                if reason := unreadable(stream.peek(_HEAD)[:_HEAD]):
                    broken(Broken(name, 0, reason))
                    continue
                for number, text in _lines(stream, raw, progress):
                    if text is None:
                        broken(Broken(name, number, f"longer than {_LONGEST_LINE >> 20} MiB"))
                    elif not text.isspace():
                        yield Line(name, number, text)
        except EOFError:
            broken(Broken(name, number + 1, "the gzip file ends here, in the middle"))
        except (gzip.BadGzipFile, zlib.error) as error:
            broken(Broken(name, number + 1, f"damaged gzip: {error}"))
        except OSError as error:
            what = "cannot be read on" if number else "cannot be read"
            broken(Broken(name, number and number + 1, f"{what}: {error.strerror or error}"))


def _open(file: str) -> io.BufferedReader:
    is_stdin = file == _STDIN
    return io.BufferedReader(io.FileIO(sys.stdin.fileno() if is_stdin else file, closefd=not is_stdin), _BUFFER)


def _unpacked(raw: io.BufferedReader) -> io.BufferedReader:
    """Return what reads the content: `raw` itself, unless that is gzip."""
    packed = raw.peek(len(GZIP))[: len(GZIP)] == GZIP
    return cast("io.BufferedReader", gzip.GzipFile(fileobj=raw)) if packed else raw


def _lines(
    stream: io.BufferedReader, raw: io.BufferedReader, progress: Progress | None
) -> Generator[tuple[int, bytes | None]]:
    """Yield each line with its number; None for one that is too long to be held.

    A document that is laid out over several lines, as `jq` does it, is one line, or several in one.
    """
    number = told = 0
    begun = False
    seekable = progress is not None and raw.seekable()
    while text := stream.readline(_LONGEST_LINE):
        number += 1
        text = text.lstrip(_RECORD)
        if not begun:
            text = text.lstrip(b"\0") or b"\n"  # what was cut off the file while it was written
            begun = not text.isspace()
            if _is_laid_out(text):
                text += stream.read(_LONGEST_LINE - len(text))
        if len(text) == _LONGEST_LINE and not text.endswith(b"\n"):
            while (rest := stream.readline(_LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            text = None
        if progress is not None and seekable and (position := raw.tell()) > told:
            progress(position - told)
            told = position
        yield number, text


def _is_laid_out(first: bytes) -> bool:
    """Whether a document goes on after its first line."""
    text = first.removeprefix(b"\xef\xbb\xbf").strip()
    return text.startswith((b"{", b"[")) and text.endswith((b"{", b"[", b","))
