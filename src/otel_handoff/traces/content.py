"""What a file holds, by its first bytes: lines of text, something that cannot be read, or plainly no traces."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path
from typing import BinaryIO, Final, cast

GZIP: Final = b"\x1f\x8b"

_ZIP: Final = b"PK\x03\x04"
_PACKED: Final = (
    (b"\x28\xb5\x2f\xfd", "zstd"),
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
    (_ZIP, "zip"),
)
_NAMES: Final = (
    "br=brotli zst=zstd xz=xz bz2=bzip2 lz4=lz4 lzma=lzma z=compress 7z=7z zz=zlib zlib=zlib sz=snappy snappy=snappy"
    " lz=lzip lzo=lzop rar=rar"
)
_ENDINGS: Final = {f".{ending}": name for ending, _, name in (pair.partition("=") for pair in _NAMES.split())}
"""What says it of a format that has no first bytes of its own, or of a file that is damaged."""
_DOCUMENTS: Final = re.compile(rb"\[Content_Types\]\.xml|_rels/|mimetype|META-INF/")
"""The first in an archive that is a document of an office, or Java's."""
_OTHER_ARCHIVES: Final = re.compile(r"\.(jar|war|whl|egg|apk|npz|pyz|docx|xlsx|pptx|od[tsp]|epub)")
_ENCODED: Final = (
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"{\0", "UTF-16"),
    (b"\0{\0", "UTF-16"),
)
_LENGTH: Final = 4
"""A Collector puts the length of each message before it, in so many bytes."""
_ZLIB: Final = tuple(bytes((0x78, level)) for level in (0x01, 0x5E, 0x9C, 0xDA))
_TAR: Final = slice(257, 262)
_CONTROL: Final = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")
_BOM: Final = b"\xef\xbb\xbf"

_LINES: Final = re.compile(r"\.(jsonl|ndjson)\b", re.IGNORECASE)
_OTHERS: Final = (
    *(b"SQLite format 3\0", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF", b"\x7fELF", b"\0asm"),
    *(b"<!doctype html", b"<html", b"<svg", b"<?xml"),
)
_CHROME: Final = b'"traceEvents"'
"""A Chrome trace, as `otel-handoff report --perfetto` writes one."""
_WORDS: Final = (b"resourceSpans", b"resource_spans", b"handoff.submission.id")
_ESCAPED: Final = re.compile(rb"\\u00([2-7][0-9a-fA-F])")
_PIECE: Final = 1 << 20
_MOST: Final = 1 << 30
"""Of a file that is looked into for words which traces have."""
SO_FAR: Final = (
    f"it holds no traces in its first {_MOST >> 30} GiB, and was not looked into further: name it alone to have it read"
)


def unreadable(head: bytes) -> str:
    """Return why nothing can be read of what begins with `head`; an empty text where it may be lines of text.

    Args:
        head: of the content; where that was packed with gzip, of what was in there.
    """
    return _packed(head) or ("binary: no OTLP JSON (Protobuf is not read)" if _is_binary(head) else "")


def may_hold_traces(path: Path) -> bool | str:
    """Return whether a file in a folder is to be read: it is not plainly something else; or else why it cannot be."""
    if _LINES.search(path.name):
        return True
    try:
        with path.open("rb") as raw:
            packed = raw.read(len(GZIP)) == GZIP
            raw.seek(0)
            return _may_hold_traces(
                cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if packed else raw, path.suffix.lower()
            )
    except (OSError, EOFError, zlib.error):  # told when it is read
        return True


def _may_hold_traces(stream: BinaryIO, suffix: str) -> bool | str:
    piece = stream.read(_PIECE)
    head = piece[:1024]
    if head.lstrip().lower().startswith(tuple(each.lower() for each in _OTHERS)) or _is_chrome(head):
        return False
    if head.startswith(_ZIP):
        return not (
            _OTHER_ARCHIVES.fullmatch(suffix) or _DOCUMENTS.match(head, 30)
        )  # so many bytes are before its first name
    if not head.strip() or _packed(head):
        return True
    found = _has_a_word(stream, piece)
    if not found and suffix in _ENDINGS and _is_binary(head):
        return f"packed with {_ENDINGS[suffix]}, by its name, which is not read: unpack it first"
    return found


def _is_chrome(head: bytes) -> bool:
    before, found, _ = head.partition(_CHROME)
    return bool(found) and not any(word in before for word in _WORDS)


def _has_a_word(stream: BinaryIO, piece: bytes) -> bool | str:
    """Return whether a word that traces have is in it; or that it was not looked into to its end."""
    for _ in range(_MOST // _PIECE):
        text = piece.translate(None, b"\0") if b"\0" in piece else piece  # UTF-16 that does not say so
        if b"\\u00" in text:
            text = _ESCAPED.sub(lambda found: bytes((int(found[1], 16),)), text)
        if any(word in text for word in _WORDS):
            return True
        more = stream.read(_PIECE)
        if not more:
            return False
        piece = piece[-128:] + more
    return SO_FAR


def _packed(head: bytes) -> str:
    if head.startswith(GZIP):
        return "packed with gzip twice, which is not read: unpack it once"
    if head.startswith(_ZLIB) and _CONTROL.search(head):
        return "packed with zlib, which is not read: unpack it first"
    for magic, name in _PACKED:
        if head.startswith(magic) or (name == "zstd" and head.startswith(magic, _LENGTH)):
            return f"packed with {name}, which is not read: unpack it first"
    for mark, name in _ENCODED:
        if head.startswith(mark):
            return f"{name}, which is not read: convert it to UTF-8 first"
    return "a tar archive, which is not read: unpack it first" if head[_TAR] == b"ustar" else ""


def _is_binary(head: bytes) -> bool:
    # What was cut off a log while it is written (copytruncate of logrotate) is left as zeros.
    text = head.removeprefix(_BOM).lstrip(b"\0\x1e \t\r\n")
    return text[:1] not in (b"{", b"[") and _CONTROL.search(text) is not None
