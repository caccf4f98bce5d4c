"""Which files of a folder are to be read: those that do not plainly hold something else."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Final

from otel_handoff.traces.content import WORDS, ZIP, is_binary, is_framed, is_message, packed
from otel_handoff.traces.streams import UnreadableError, opened, told, unpacked

_NAMES: Final = (
    "br=brotli zst=zstd xz=xz bz2=bzip2 lz4=lz4 lzma=lzma z=compress 7z=7z zz=zlib zlib=zlib sz=snappy snappy=snappy"
    " lz=lzip lzo=lzop rar=rar"
)
_ENDINGS: Final = {f".{ending}": name for ending, _, name in (pair.partition("=") for pair in _NAMES.split())}
"""What says it of a format that has no first bytes of its own, or of a file that is damaged."""
_DOCUMENTS: Final = re.compile(rb"\[Content_Types\]\.xml|_rels/|mimetype|META-INF/")
"""The first in an archive that is a document of an office, or Java's."""
_OTHER_ARCHIVES: Final = re.compile(r"\.(jar|war|whl|egg|apk|npz|pyz|docx|xlsx|pptx|od[tsp]|epub)")

_LINES: Final = re.compile(r"\.(jsonl|ndjson)\b", re.IGNORECASE)
_OTHERS: Final = (
    *(b"SQLite format 3\0", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF", b"\x7fELF", b"\0asm"),
    *(b"<!doctype html", b"<html", b"<svg", b"<?xml"),
)
_CHROME: Final = b'"traceEvents"'
"""A Chrome trace, as `otel-handoff report --perfetto` writes one."""
_JSON: Final = re.compile(rb"\s*(\xef\xbb\xbf)?\s*(\{|\[\s*[\[{\]])")
_ESCAPED: Final = re.compile(rb"\\u00([2-7][0-9a-fA-F])")
_PIECE: Final = 1 << 20
_MOST: Final = 1 << 30
"""Of a file that is looked into for words which traces have."""
SO_FAR: Final = (
    f"it holds no traces in its first {_MOST >> 30} GiB, and was not looked into further: name it alone to have it read"
)


def may_hold_traces(path: Path) -> bool | str:
    """Return whether a file in a folder is to be read: it is not plainly something else; or else why it cannot be."""
    if _LINES.search(path.name):
        return True
    try:
        with opened(str(path)) as raw:
            return _may_hold_traces(unpacked(raw), path.suffix.lower())
    except (OSError, UnreadableError):  # told when it is read
        return True
    except Exception as error:
        if not told(error):
            raise
        return True


def is_plainly_text(path: Path) -> bool:
    """Return whether a file is a short text of something else, such as a README: no JSON, and not a word of traces."""
    if _LINES.search(path.name):
        return False
    try:
        with opened(str(path)) as raw:
            piece = unpacked(raw).read(_PIECE + 1)
    except (OSError, UnreadableError):  # told when it is read
        return False
    except Exception as error:
        if not told(error):
            raise
        return False
    is_text = len(piece) <= _PIECE and bool(piece.strip()) and b"\0" not in piece and not is_binary(piece[:1024])
    return is_text and not _JSON.match(piece) and not any(word in piece for word in WORDS)


def _may_hold_traces(stream: io.BufferedReader, suffix: str) -> bool | str:
    piece = stream.read(_PIECE)
    head = piece[:1024]
    if head.lstrip().lower().startswith(tuple(each.lower() for each in _OTHERS)) or _is_chrome(head):
        return False
    if head.startswith(ZIP):
        return not (
            _OTHER_ARCHIVES.fullmatch(suffix) or _DOCUMENTS.match(head, 30)
        )  # so many bytes are before its first name
    if not head.strip() or packed(head) or is_framed(head) or is_message(head):
        return True
    found = _has_a_word(stream, piece)
    if not found and suffix in _ENDINGS and is_binary(head):
        return f"packed with {_ENDINGS[suffix]}, by its name, which is not read: unpack it first"
    return found


def _is_chrome(head: bytes) -> bool:
    before, found, _ = head.partition(_CHROME)
    return bool(found) and not any(word in before for word in WORDS)


def _has_a_word(stream: io.BufferedReader, piece: bytes) -> bool | str:
    """Return whether a word that traces have is in it; or that it was not looked into to its end."""
    for _ in range(_MOST // _PIECE):
        text = piece.translate(None, b"\0") if b"\0" in piece else piece  # UTF-16 that does not say so
        if b"\\u00" in text:
            text = _ESCAPED.sub(lambda found: bytes((int(found[1], 16),)), text)
        if any(word in text for word in WORDS):
            return True
        more = stream.read(_PIECE)
        if not more:
            return False
        piece = piece[-128:] + more
    return SO_FAR
