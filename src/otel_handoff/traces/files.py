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
from typing import BinaryIO, Final, NamedTuple, cast

from otel_handoff.commands import UsageError

_SUFFIXES: Final = (".jsonl", ".ndjson", ".json")
_GZIP: Final = b"\x1f\x8b"
_LONGEST_LINE: Final = 1 << 26
_STDIN: Final = "-"

Progress = Callable[[int], object]


class InputError(UsageError):
    """What was asked for cannot be read at all; told in one line."""


class Broken(NamedTuple):
    """A line that could not be read, or not in full. `line` counts from 1."""

    file: str
    line: int
    reason: str


class Line(NamedTuple):
    """A line that is not empty."""

    file: str
    number: int
    text: bytes


def find(paths: Iterable[str]) -> list[str]:
    """Return the files that `paths` stand for, each once; a folder's are in the order of their names.

    In a folder, files count whose name ends in `.jsonl`, `.ndjson` or `.json`, or one of these and `.gz`. A `.json`
    document that is laid out over several lines is passed over, unless it has spans.

    Raises:
        InputError: there is no such file or folder, it cannot be read, or there is no file of traces in a folder.
    """
    found: dict[str, None] = {}
    for path in paths:
        if path == _STDIN:
            if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]
                raise InputError("standard input is closed")
            found[path] = None
            continue
        try:
            mode = os.stat(path).st_mode  # noqa: PTH116  a Path takes "" for the working folder
            if stat.S_ISDIR(mode):
                files = _in_folder(path)
            else:
                files = [path]
                if stat.S_ISREG(mode):  # a pipe can be opened but once
                    with Path(path).open("rb"):
                        pass
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            name = getattr(error, "filename", None) or path
            raise InputError(f"cannot read {name}: {getattr(error, 'strerror', None) or error}") from error
        if not files:
            raise InputError(f"no file of traces in {path}: looked for {', '.join(_SUFFIXES)}, also with .gz")
        found.update(dict.fromkeys(files))
    return list(found)


def _in_folder(folder: str) -> Sequence[str]:
    def unread(error: OSError) -> None:
        raise error

    files: list[str] = []
    for where, folders, names in os.walk(folder, onerror=unread):
        folders.sort()
        for name in sorted(names):
            path = Path(where, name)
            if name.removesuffix(".gz").endswith(_SUFFIXES) and path.is_file() and not _is_other_document(path):
                files.append(str(path))
    return files


def _is_other_document(path: Path) -> bool:
    if path.suffix != ".json":
        return False
    try:
        with path.open("rb") as file:
            return file.readline(8).strip() in (b"{", b"[") and b'"resourceSpans"' not in file.read(_LONGEST_LINE)
    except OSError:
        return False  # told when it is read


def read_lines(
    files: Iterable[str], *, broken: Callable[[Broken], object], progress: Progress | None = None
) -> Generator[Line]:
    """Yield the lines of `files`, as `find` returns them.

    A file that ends in the middle, or cannot be read on, is told to `broken` and left there.
    """
    for file in files:
        name = "<stdin>" if file == _STDIN else file
        number = 0
        try:
            with _open(file) as raw:
                for number, text in _lines(raw, progress):
                    if text is None:
                        broken(Broken(name, number, f"longer than {_LONGEST_LINE >> 20} MiB"))
                    elif not text.isspace():
                        yield Line(name, number, text)
        except EOFError:
            broken(Broken(name, number + 1, "the gzip file ends here, in the middle"))
        except (gzip.BadGzipFile, zlib.error) as error:
            broken(Broken(name, number + 1, f"damaged gzip: {error}"))
        except OSError as error:
            broken(Broken(name, number + 1, f"cannot be read on: {error.strerror or error}"))


def _open(file: str) -> io.BufferedReader:
    if file != _STDIN:
        return Path(file).open("rb")
    return io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False))


def _lines(raw: io.BufferedReader, progress: Progress | None) -> Generator[tuple[int, bytes | None]]:
    """Yield each line with its number; None for one that is too long to be held."""
    packed = raw.peek(2)[:2] == _GZIP
    stream = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if packed else raw
    number = told = 0
    seekable = progress is not None and raw.seekable()
    while text := stream.readline(_LONGEST_LINE):
        number += 1
        if number == 1 and text.strip() == b"{":  # a document laid out over several lines is read as one
            text += stream.read(_LONGEST_LINE - len(text))
        if len(text) == _LONGEST_LINE and not text.endswith(b"\n"):
            while (rest := stream.readline(_LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            text = None
        if progress is not None and seekable and (position := raw.tell()) > told:
            progress(position - told)
            told = position
        yield number, text
