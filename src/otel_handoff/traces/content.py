"""What bytes are, by the first of them: text, messages in Protobuf or packed, or something that cannot be read."""

from __future__ import annotations

import re
from typing import Final

GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
LONGEST: Final = 1 << 26
"""What is held at once: a line, a document or a message."""
SIZE: Final = 4
"""A Collector puts the length of each message before it, in so many bytes."""

WORDS: Final = (b"resourceSpans", b"resource_spans", b"scopeSpans", b"scope_spans", b"handoff.submission.id")
"""Of which traces have one, in JSON or in Protobuf."""

ZIP: Final = b"PK\x03\x04"
_PACKED: Final = (
    (ZSTD, "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\xff\x06\0\0sNaPpY", "snappy"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x5d\0\0", "lzma"),
    (b"\x1f\x9d", "compress"),
    (b"\x1f\xa0", "compress"),
    (b"\x89LZO\0", "lzop"),
    (b"LZIP\x01", "lzip"),
    (b"\x02\x21\x4c\x18", "lz4"),
    (b"Rar!\x1a\x07", "rar"),
    (ZIP, "zip"),
)
_ENCODED: Final = (
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"{\0", "utf-16-le"),
    (b"[\0", "utf-16-le"),
    (b"\0{\0", "utf-16-be"),
    (b"\0[\0", "utf-16-be"),
)
_ZLIB: Final = tuple(bytes((0x78, level)) for level in (0x01, 0x5E, 0x9C, 0xDA))
_TAR: Final = slice(257, 262)
_CONTROL: Final = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")
_BOM: Final = b"\xef\xbb\xbf"


def unreadable(head: bytes) -> str:
    """Return why nothing can be read of what begins with `head`; an empty text where something may be.

    Args:
        head: of the content; where that was packed, of what was in there.
    """
    if is_framed(head) or is_message(head):
        return ""
    return packed(head) or ("binary: neither OTLP's JSON nor its Protobuf" if is_binary(head) else "")


def encoding_of(head: bytes) -> str:
    """Return how text that begins with `head` is encoded, where that is in UTF-16; else an empty text."""
    name = next((name for mark, name in _ENCODED if head.startswith(mark)), "")
    return name if name != "UTF-32" else ""


def is_framed(head: bytes) -> bool:
    """Whether messages begin here that have their lengths before them, as a Collector's `file` exporter writes them."""
    message = head[SIZE:]
    return 0 < int.from_bytes(head[:SIZE], "big") <= LONGEST and (
        message.startswith((ZSTD, b"{")) or is_message(message)
    )


def is_message(head: bytes) -> bool:
    """Whether a request of OTLP in Protobuf begins here.

    Its first part is of a resource: that, then attributes, each with its key; or, where it is nobody's, of a scope.
    """
    if not _CONTROL.search(head):
        return False  # a blank line, too, begins as this does
    at = 0
    for tags in (b"\x0a", b"\x0a\x12", b"\x0a\x10\x1a", b"\x0a\x12"):
        if at >= len(head) or head[at] not in tags:
            return False
        tag = head[at]
        length, at = varint(head, at + 1)
        if tag == 0x12 or at < 0:
            return at >= 0
        if not length:
            return head[at : at + 1] == b"\x12"
    return True


def varint(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """Return the number that Protobuf has at a place, and where it ends; or -1 for that, if it does not."""
    number = shift = 0
    for index in range(at, min(at + 10, len(data))):
        byte = data[index]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, index + 1
        shift += 7
    return 0, -1


def packed(head: bytes) -> str:
    """Return what else is to be unpacked or converted first; an empty text where nothing says so."""
    if head.startswith(GZIP):
        return "packed twice, which is not read: unpack it once"
    if head.startswith(_ZLIB) and _CONTROL.search(head):
        return "packed with zlib, which is not read: unpack it first"
    for magic, name in _PACKED:
        if head.startswith(magic):
            return f"packed with {name}, which is not read: unpack it first"
    for mark, name in _ENCODED:
        if head.startswith(mark) and name == "UTF-32":
            return f"{name}, which is not read: convert it to UTF-8 first"
    return "a tar archive, which is not read: unpack it first" if head[_TAR] == b"ustar" else ""


def is_binary(head: bytes) -> bool:
    """Whether what begins with `head` is no text."""
    # What was cut off a log while it is written (copytruncate of logrotate) is left as zeros.
    text = head.removeprefix(_BOM).lstrip(b"\0\x1e \t\r\n")
    return text[:1] not in (b"{", b"[") and _CONTROL.search(text) is not None
