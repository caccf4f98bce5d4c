"""The bytes of a file: unpacked, and as UTF-8 where they are text."""

from __future__ import annotations

import codecs
import gzip
import io
import sys
import zlib
from importlib import import_module
from typing import Any, BinaryIO, Final, cast

from otel_handoff.traces.content import GZIP, ZSTD, encoding_of

INSTALL: Final = "it takes: pip install 'otel-handoff[read]'"

_BUFFER: Final = 1 << 18
_PIECE: Final = 1 << 16


class UnreadableError(Exception):
    """A stream cannot be read on: damaged, cut off, or in need of what is not installed."""


def zstd() -> Any:
    """Return Python's module for zstd, or None: before 3.14 it has to be installed."""
    try:
        return import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
    except ImportError:
        return None


def opened(file: str | int) -> io.BufferedReader:
    """Open a file by its name, or what is open as a number and stays so."""
    return io.BufferedReader(io.FileIO(file, closefd=not isinstance(file, int)), _BUFFER)


def unpacked(raw: io.BufferedReader) -> io.BufferedReader:
    """Return what reads the content: `raw` itself, unless that is packed with gzip or zstd.

    Raises:
        UnreadableError: there is nothing to unpack it with.
    """
    head = raw.peek(len(ZSTD))[: len(ZSTD)]
    if head.startswith(GZIP):
        return cast("io.BufferedReader", gzip.GzipFile(fileobj=cast("BinaryIO", raw)))
    if head == ZSTD:
        module = zstd()
        if module is None:
            raise UnreadableError(f"packed with zstd; {INSTALL}")
        return module.ZstdFile(raw)
    return raw


def told(error: Exception) -> str:
    """Return why a stream could not be read on, where `error` says so; an empty text where it says something else."""
    if isinstance(error, UnreadableError):
        return str(error)
    if isinstance(error, EOFError):
        return "the packed file ends here, in the middle"
    if isinstance(error, (gzip.BadGzipFile, zlib.error)):
        return f"damaged gzip: {error}"
    if isinstance(error, UnicodeError):
        return "damaged UTF-16"
    module = zstd()
    return f"damaged zstd: {error}" if module is not None and isinstance(error, module.ZstdError) else ""


def unpacked_message(message: bytes, most: int) -> bytes:
    """Return a message that is packed by itself, unpacked.

    Raises:
        UnreadableError: it is damaged, cut off, or longer than `most`; or there is nothing to unpack it with.
    """
    module = zstd()
    if module is None:
        raise UnreadableError(f"packed with zstd; {INSTALL}")
    unpacker = module.ZstdDecompressor()
    try:
        content = unpacker.decompress(message, most + 1)
    except module.ZstdError as error:
        raise UnreadableError(f"damaged zstd: {error}") from error
    if len(content) > most:
        raise UnreadableError(f"longer than {most >> 20} MiB")
    if not unpacker.eof:
        raise UnreadableError("a packed message ends in the middle")
    return content


def as_utf8(stream: io.BufferedReader) -> io.BufferedReader:
    """Return what reads `stream` as UTF-8, where it is text of another kind."""
    encoding = encoding_of(stream.peek(4)[:4])
    return io.BufferedReader(_Recoded(stream, encoding), _BUFFER) if encoding else stream


class _Recoded(io.RawIOBase):
    def __init__(self, stream: io.BufferedReader, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            piece = self._stream.read(_PIECE)
            self._left = self._decoder.decode(piece, final=not piece).encode()
            if not piece:
                break
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count
