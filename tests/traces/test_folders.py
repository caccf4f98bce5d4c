"""Every file of a folder is read, told to be unreadable, or plainly holds no traces."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import sqlite3
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from otel_handoff.traces.files import Broken, InputError, find
from otel_handoff.traces.otlp import read_spans
from tests.check import spans
from tests.traces import lines

TEXT = lines.text(lines.request(spans.row(1, 1))).encode()


def tar(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo("traces.jsonl")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("traces.jsonl", content)
    return file.getvalue()


def read(folder: Path) -> tuple[int, list[str], list[str]]:
    """How many spans there are, why something is not read, and what is left out."""
    found = find([str(folder)])
    broken: list[Broken] = [*found.passed_over]
    count = sum(1 for _ in read_spans(found.files, broken=broken.append))
    return count, [each.reason for each in broken], [Path(name).name for name in found.others]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("traces.jsonl", TEXT),
        ("traces.ndjson.gz", gzip.compress(TEXT)),
        ("traces.json", TEXT),
        ("traces.jsonl.1", TEXT),
        ("traces.jsonl.1.gz", gzip.compress(TEXT)),
        ("traces.jsonl-20261128", TEXT),
        ("traces.jsonl.old", TEXT),
        ("traces", TEXT),
        ("traces.log", b"\0" * 100 + TEXT),
        ("collected.txt", b"\xef\xbb\xbf" + TEXT),
        (".hidden", gzip.compress(TEXT)),
        ("pretty.out", json.dumps(json.loads(TEXT), indent=2).encode()),
        ("a/b/c", TEXT),
        ("chrome.json", TEXT.replace(b'"attributes"', b'"traceEvents":[],"attributes"', 1)),
        (
            "escaped.json",
            TEXT.replace(b"resourceSpans", b"resource\\u0053pans").replace(b"handoff.", b"handoff\\u002e"),
        ),
        ("after zeros.log", b"\0" * (20 << 20) + TEXT),
        ("after metrics.json.gz", gzip.compress((b'{"resourceMetrics":[]%s}\n' % (b" " * 4000)) * 5000 + TEXT)),
    ],
)
def test_what_holds_lines_is_read_whatever_its_name(tmp_path: Path, name: str, content: bytes) -> None:
    """Rotated, packed, without an ending, or cut off while it was written."""
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    (tmp_path / "metrics.jsonl").write_text('{"resourceMetrics":[]}')
    assert read(tmp_path) == (1, [], [])
    assert sorted(find([str(tmp_path), str(path)]).files) == sorted([str(path), str(tmp_path / "metrics.jsonl")])


UNREADABLE = {
    "traces.jsonl.xz": (lzma.compress(TEXT), "packed with xz"),
    "traces.bz2": (bz2.compress(TEXT), "packed with bzip2"),
    "traces.zip": (zipped(TEXT), "packed with zip"),
    "renamed.bak": (zipped(TEXT), "packed with zip"),
    "traces.lzma": (lzma.compress(TEXT, lzma.FORMAT_ALONE), "packed with lzma"),
    "traces.Z": (b"\x1f\x9d\x90" + bytes(range(256)), "packed with compress"),
    "traces.zz": (zlib.compress(TEXT), "packed with zlib"),
    "zlib, without an ending": (zlib.compress(TEXT, 1), "packed with zlib"),
    "twice.gz": (gzip.compress(gzip.compress(TEXT)), "packed twice"),
    "twice": (gzip.compress(zlib.compress(TEXT)), "packed with zlib"),
    "all.tar.gz": (tar(TEXT), "a tar archive"),
    "traces.pb": (b"\0\0\4\x3a\x0a\xa4\x05handoff.submission.id\x18\1", "binary: neither"),
    "with a prefix.log": (b"INFO " + TEXT, "not JSON: "),
    "utf32": (TEXT.decode().encode("utf-32"), "UTF-32"),
    "damaged.gz": (gzip.compress(TEXT)[:40], "the packed file ends here"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_may_hold_traces_and_cannot_be_read_is_told(tmp_path: Path, name: str) -> None:
    """Once, with the reason; in a folder as by its own name."""
    content, reason = UNREADABLE[name]
    path = tmp_path / name
    path.write_bytes(content)
    count, told, others = read(tmp_path)
    assert (count, len(told), others) == (0, 1, [])
    assert reason in told[0]
    broken: list[Broken] = []
    assert list(read_spans([str(path)], broken=broken.append)) == []
    assert [each.reason for each in broken] == told


def test_what_is_plainly_something_else_is_left_out(tmp_path: Path) -> None:
    """As lies beside the traces of a run; by its own name it is told, and read unless it is a text."""
    (tmp_path / "traces.jsonl").write_bytes(TEXT)
    (tmp_path / "empty").touch()
    others = {
        "summary.json": json.dumps({"rows": 1}, indent=2).encode(),
        "report.html": b"<!doctype html>" + TEXT,
        "perfetto.json": b'{"displayTimeUnit": "ns", "traceEvents": [\n' + TEXT,
        "wrong.csv": b"record,evidence\n1,call\n",
        "README": "what \xfc is".encode("latin-1"),
        "sheet.xlsx": zipped(TEXT),
        "picture": b"\x89PNG\r\n\x1a\n\0\0",
        "module.pyc": b"\xa7\r\r\n\0\0\0\0" + bytes(range(200)),
    }
    for name, content in others.items():
        (tmp_path / name).write_bytes(content)
    with sqlite3.connect(tmp_path / "landscape.db") as database:
        database.execute("CREATE TABLE calls AS SELECT 'handoff.submission.id' AS resourceSpans")
    database.close()
    count, told, left_out = read(tmp_path)
    assert (count, told) == (1, [])
    assert sorted(left_out) == sorted([*others, "landscape.db"])
    for name in ("wrong.csv", "README"):
        with pytest.raises(InputError, match="no traces in"):
            find([str(tmp_path / name)])
    for name in ("landscape.db", "summary.json"):
        broken: list[Broken] = []
        assert list(read_spans(find([str(tmp_path / name)]).files, broken=broken.append)) == []
        assert len(broken) == 1


def test_a_word_of_traces_is_found_where_pieces_meet(tmp_path: Path) -> None:
    """A log is looked through in pieces."""
    (tmp_path / "app.log").write_bytes(b"x" * ((1 << 20) - 7) + b"\n" + TEXT)
    count, told, others = read(tmp_path)
    assert (count, len(told), others) == (1, 1, [])


def test_a_file_that_is_packed_says_so_by_its_name_where_its_content_does_not(tmp_path: Path) -> None:
    """Brotli has no first bytes of its own."""
    (tmp_path / "traces.jsonl.1.br").write_bytes(TEXT)
    (tmp_path / "traces.br").write_bytes(bytes(range(256)))
    (tmp_path / "x.txt").write_bytes(b"x^2 + y^2")
    count, told, others = read(tmp_path)
    assert (count, others) == (1, ["x.txt"])
    assert told == ["packed with brotli, by its name, which is not read: unpack it first"]


def test_a_file_that_was_not_looked_into_to_its_end_is_told(tmp_path: Path) -> None:
    """It may hold traces further on: that is not plainly none."""
    (tmp_path / "traces.jsonl").write_bytes(TEXT)
    with (tmp_path / "disk.img").open("wb") as file:
        file.truncate((1 << 30) + 1)
    count, told, others = read(tmp_path)
    assert (count, others) == (1, [])
    assert told == [
        "it holds no traces in its first 1 GiB, and was not looked into further: name it alone to have it read"
    ]


def test_what_a_folder_has_besides_files(tmp_path: Path) -> None:
    """A pipe could not be read twice, and a link may lead to traces that lie elsewhere."""
    inner, elsewhere = tmp_path / "run" / "inner", tmp_path / "elsewhere"
    inner.mkdir(parents=True)
    elsewhere.mkdir()
    (inner / "traces.jsonl").write_bytes(TEXT)
    (inner.parent / "same").symlink_to(inner)
    (inner.parent / "loop").symlink_to(inner.parent)
    (inner.parent / "out").symlink_to(elsewhere)
    (inner.parent / "nowhere").symlink_to(tmp_path / "gone")
    os.mkfifo(inner / "pipe.jsonl")
    found = find([str(inner.parent)])
    assert found.files == [str(inner / "traces.jsonl")]
    assert {Path(each.file).name for each in found.passed_over} == {"out", "nowhere", "pipe.jsonl"}
    assert {each.line for each in found.passed_over} == {0}


def test_a_folder_in_which_nothing_may_hold_traces(tmp_path: Path) -> None:
    """Is told at once, unless something in it could not be looked at."""
    (tmp_path / "README").write_text("about")
    with pytest.raises(InputError, match="no file of traces in"):
        find([str(tmp_path)])
    (tmp_path / "traces").symlink_to(tmp_path / "gone")
    assert find([str(tmp_path)]).files == []


def test_files_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    """Each once, however often it is named."""
    for name in ("b.jsonl", "a/z", "a/y.ndjson", "c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(TEXT)
    expected = [str(tmp_path / name) for name in ("b.jsonl", "c", "a/y.ndjson", "a/z")]
    assert find([str(tmp_path)]).files == expected
    assert find([str(tmp_path), str(tmp_path / "c"), str(tmp_path / "a")]).files == expected
