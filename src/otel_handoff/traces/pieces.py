"""The pieces of files that hold a request each: a line, a document laid out over several, or a message in Protobuf."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Generator, Iterable
from typing import Final, NamedTuple

from otel_handoff.traces.content import LONGEST, SIZE, ZSTD, is_framed, is_message, unreadable, varint
from otel_handoff.traces.files import STDIN, Broken
from otel_handoff.traces.streams import UnreadableError, as_utf8, opened, told, unpacked, unpacked_message

_HEAD: Final = 1 << 13
_RECORD: Final = b"\x1e"
"""Before each document of a JSON text sequence."""
_BOM: Final = b"\xef\xbb\xbf"
_TEXT: Final = re.compile(rb'"[^"]*"')
_TOO_LONG: Final = f"longer than {LONGEST >> 20} MiB"
_NO_FURTHER: Final = "what follows is not read"

_Parts = Generator[tuple[int, bytes | str]]
"""Each with its number, from 1; or a text: why it could not be read."""


class Piece(NamedTuple):
    """What is read at once, and where it begins: a line counted from 1, or a message."""

    file: str
    number: int
    content: bytes
    is_message: bool


def read_pieces(
    files: Iterable[str], *, broken: Callable[[Broken], object], progress: Callable[[int], object] | None = None
) -> Generator[Piece]:
    """Yield the pieces of `files`, as `find` returns them.

    A file that is of no form that is read, ends in the middle, or cannot be read on, is told to `broken` and left
    there.
    """
    for file in files:
        name, number = ("<stdin>" if file == STDIN else file), 0
        try:
            with opened(sys.stdin.fileno() if file == STDIN else file) as raw:
                stream = as_utf8(unpacked(raw))
                head = stream.peek(_HEAD)[:_HEAD]
                if reason := unreadable(head):
                    broken(Broken(name, 0, reason))
                    continue
                frames, messages = is_framed(head), is_message(head)
                parts = _frames(stream) if frames else _messages(stream) if messages else _lines(stream)
                for number, content in _told(parts, raw, progress):
                    if isinstance(content, str):
                        broken(Broken(name, number, content))
                    elif not content.isspace() or messages:
                        yield Piece(name, number, content, messages or (frames and content[:1] not in b"{["))
        except OSError as error:
            what = told(error) or f"cannot be read{' on' * bool(number)}: {error.strerror or error}"
            broken(Broken(name, number and number + 1, what))
        except Exception as error:
            if not (reason := told(error)):
                raise
            broken(Broken(name, number and number + 1, reason))


def _told(parts: _Parts, raw: io.BufferedReader, progress: Callable[[int], object] | None) -> _Parts:
    if progress is None or not raw.seekable():
        yield from parts
        return
    before = 0
    for part in parts:
        if (position := raw.tell()) > before:
            progress(position - before)
            before = position
        yield part


# -- lines of text


def _lines(stream: io.BufferedReader) -> _Parts:
    number, begun = 0, False
    while text := stream.readline(LONGEST):
        number += 1
        text = text.lstrip(_RECORD)
        if not begun:
            text = text.lstrip(b"\0") or b"\n"  # what was cut off the file while it was written
            begun = not text.isspace()
        if len(text) == LONGEST and not text.endswith(b"\n"):
            while (rest := stream.readline(LONGEST)) and not rest.endswith(b"\n"):
                pass
            yield number, _TOO_LONG
        elif text[-64:].rstrip().endswith((b"{", b"[", b",")) and _opened(text) > 0:
            number = yield from _document(stream, text, number)
        else:
            yield number, text


def _document(stream: io.BufferedReader, first: bytes, number: int) -> Generator[tuple[int, bytes | str], None, int]:
    """Yield what begins with the line `first` and goes on after it, as `jq` lays it out; return the last line's number.

    If only that line was cut off, and whole ones come after it, each is one of its own.
    """
    held, depth, last, before, line = bytearray(first), _opened(first), number, first, first
    is_cut, size = False, len(first)
    while depth > 0:
        before, line = (before if line.isspace() else line), stream.readline(LONGEST)
        if not line:
            break
        last += 1
        size += len(line)
        if size <= LONGEST:
            held += line
        is_object = line.startswith(b"{")
        if is_object and before.rstrip().endswith(b"}"):  # no comma is between the two
            is_cut = True
            break
        is_cut = is_cut or (is_object and line.rstrip().endswith(b"}"))
        depth += _opened(line)
    if size > LONGEST:
        yield number, _TOO_LONG
    elif depth > 0 and is_cut:
        yield from ((at, bytes(line)) for at, line in enumerate(held.split(b"\n"), number) if line.strip())
    else:
        yield number, bytes(held)
    return last


def _opened(line: bytes) -> int:
    """Return how many more brackets are opened in a line than closed, but for those within texts."""
    if b'"' in line:
        line = _TEXT.sub(b"", line.replace(b"\\\\", b"").replace(b'\\"', b""))
    return line.count(b"{") + line.count(b"[") - line.count(b"}") - line.count(b"]")


# -- messages


def _frames(stream: io.BufferedReader) -> _Parts:
    """Yield messages that have their lengths before them, unpacked."""
    number = 0
    while size := stream.read(SIZE):
        number += 1
        length = int.from_bytes(size, "big")
        if len(size) == SIZE and not 0 < length <= LONGEST:
            yield number, f"no message: its length would be {length:,}; {_NO_FURTHER}"
            return
        content = stream.read(length)
        if len(size) < SIZE or len(content) < length:
            yield number, "the file ends here, in the middle of a message"
        elif content.startswith(ZSTD):
            try:
                yield number, unpacked_message(content, LONGEST)
            except UnreadableError as error:
                yield number, str(error)
        else:
            yield number, content


def _messages(stream: io.BufferedReader) -> _Parts:
    """Yield the parts of a request in Protobuf, each as a request of its own: one may be long, or several together."""
    number = 0
    while head := stream.read(1):
        number += 1
        while len(head) < 11 and (len(head) == 1 or head[-1] & 0x80) and (byte := stream.read(1)):
            head += byte
        length, end = varint(head, 1)
        if head[0] != 0x0A or end < 0 or length > LONGEST:
            yield number, f"no part of an OTLP request; {_NO_FURTHER}"
            return
        content = stream.read(length)
        if len(content) < length:
            yield number, "the file ends here, in the middle of a message"
        else:
            yield number, head + content
