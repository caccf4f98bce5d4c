"""A bounded run of the fuzzer, and what it could not do: inputs that would fill the memory."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from otel_handoff.report.parts import SCRIPTS, STYLE, asset
from otel_handoff.traces.streams import zstd
from tests.fuzz.page import foreign_parts
from tests.traces import forms
from tests.traces.test_forms import needs_zstd

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as Linux does it")

ROOT = Path(__file__).parents[2]
# The room, in MiB, on top of what the interpreter has; then the peak that was needed of it.
LIMITED = """
import resource, sys
from pathlib import Path
from otel_handoff.cli import main
import otel_handoff.check.run
size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (int(sys.argv[1]) << 20),) * 2)
sys.exit(main(["check", sys.argv[2]]))
"""


def test_every_promise_is_kept(tmp_path: Path) -> None:
    """A round of inputs, the same each time; `make fuzz` goes on."""
    # What Python keeps of a module that it has compiled would be a file that nobody asked for.
    command = [sys.executable, "-B", "-m", "tests.fuzz", "--examples", "120", "--keep", str(tmp_path / "failed")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "every promise was kept" in done.stdout


def page() -> str:
    """A page of the report's own."""
    style, script = asset(STYLE), "".join(map(asset, SCRIPTS))
    return f"<html><style>{style}</style><body><p>&lt;b&gt;</p></body><script>{script}</script></html>"


@pytest.mark.parametrize(
    "added",
    [
        "<img src=x>",
        "<p onclick='x()'>",
        "<script>1</script>",
        "<a href='javascript:1'>",
        "<!-- x -->",
        "<style>p {}</style>",
        "<iframe>",
    ],
)
def test_what_does_not_belong_on_a_page_is_found(added: str) -> None:
    """Each of these by itself; and nothing on a page as it should be."""
    assert foreign_parts(page()) == []
    assert foreign_parts(page().replace("&lt;b&gt;", added)) != []


def packed(path: Path, parts: Iterable[bytes]) -> Path:
    with gzip.open(path, "wb", compresslevel=1) as file:
        for part in parts:
            file.write(part)
    return path


def check(path: Path, mebibytes: int) -> subprocess.CompletedProcess[str]:
    """Check in a process that may take so much more than the interpreter has."""
    command = [sys.executable, "-c", LIMITED, str(mebibytes), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert "Traceback" not in done.stderr
    return done


def test_a_line_that_does_not_end_is_not_held(tmp_path: Path) -> None:
    """A third of a gigabyte, out of less than two megabytes; where there is no room for a part of it, that is told."""
    path = packed(tmp_path / "bomb.jsonl.gz", (b"x" * (1 << 20) for _ in range(320)))
    assert path.stat().st_size < 2_000_000
    done = check(path, 300)
    assert (done.returncode, done.stderr) == (2, f"otel-handoff: {path}:1: longer than 64 MiB\n")
    done = check(path, 40)
    assert (done.returncode, done.stderr) == (2, "otel-handoff: out of memory\n")


def test_a_line_that_the_memory_does_not_hold_is_a_broken_one(tmp_path: Path) -> None:
    """JSON of 30 MiB that would be a gigabyte of objects; the next line counts."""
    line = b'{"resourceSpans":[' + b"{}," * 10_000_000 + b"{}]}\n"
    path = packed(tmp_path / "bomb.jsonl.gz", [line, b"{}\n", b"oops\n"])
    done = check(path, 400)
    assert done.returncode == 2
    assert [each.partition(": ")[2].partition(": ")[2] for each in done.stderr.splitlines()] == [
        "takes more memory than there is",
        "not JSON: Expecting value at column 1",
    ]


def test_resources_are_not_collected(tmp_path: Path) -> None:
    """Thirty of eight megabytes each, all different."""

    def parts() -> Iterable[bytes]:
        span = (
            b'{"traceId":"%032x","spanId":"%016x","attributes":[{"key":"handoff.boundary","value":{"stringValue":"b"}},'
        )
        span += b'{"key":"handoff.submission.id","value":{"intValue":"1"}}]}'
        for number in range(1, 31):
            yield b'{"resourceSpans":[{"resource":{"attributes":[{"key":"%d","value":{"stringValue":"' % number
            yield b"y" * 8_000_000
            yield b'"}}]},"scopeSpans":[{"spans":[' + span % (number, number) + b"]}]}]}\n"

    done = check(packed(tmp_path / "many.jsonl.gz", parts()), 160)
    assert (done.returncode, done.stderr) == (2, "")  # there is no row among them
    assert "Checked 30 spans." in done.stdout


@needs_zstd
def test_what_zstd_unpacks_is_not_held(tmp_path: Path) -> None:
    """A third of a gigabyte out of some kilobytes, as a file and as one message."""
    (path := tmp_path / "bomb.zst").write_bytes(zstd().compress(b"x" * (320 << 20)))
    done = check(path, 300)
    assert (done.returncode, done.stderr) == (2, f"otel-handoff: {path}:1: longer than 64 MiB\n")
    path.write_bytes(forms.framed(path.read_bytes()))
    done = check(path, 300)
    assert (done.returncode, done.stderr) == (2, f"otel-handoff: {path}:1: longer than 64 MiB\n")


def test_a_document_that_does_not_end_is_not_held(tmp_path: Path) -> None:
    """Laid out over many lines; what comes after it counts. Nor one in UTF-16, nor a line that a log never ends."""
    line = b'{"a": [' + b"1, " * 100_000 + b"\n"
    path = packed(tmp_path / "bomb.jsonl.gz", [line] * 300)
    done = check(path, 300)
    assert (done.returncode, done.stderr) == (2, f"otel-handoff: {path}:1: longer than 64 MiB\n")
    path = packed(tmp_path / "bomb.json.gz", [b"[", *[(b"{}," * 1000 + b"\n") * 100] * 250, b"{}]\n", b"oops\n"])
    done = check(path, 300)
    assert [each.partition(": ")[2].partition(": ")[2] for each in done.stderr.splitlines()] == [
        "longer than 64 MiB",
        "not JSON: Expecting value at column 1",
    ]
    wide = packed(tmp_path / "wide.jsonl.gz", (("x" * (1 << 19)).encode("utf-16-le") for _ in range(150)))
    wide.write_bytes(gzip.compress(b"\xff\xfe", 1) + wide.read_bytes())
    done = check(wide, 300)
    assert (done.returncode, done.stderr) == (2, f"otel-handoff: {wide}:1: longer than 64 MiB\n")
    part = b"2026-11-28T00:00:00Z stdout P " + b"x" * (1 << 20) + b"\n"
    done = check(packed(tmp_path / "log.gz", [part] * 100), 300)
    assert done.returncode == 2
    assert ": longer than 64 MiB within a log\n" in done.stderr


def test_many_empty_parts_of_a_message_take_no_memory(tmp_path: Path) -> None:
    """Two bytes each."""
    scope = b"\x12" + _varint(2 << 19) + b"\x12\0" * (1 << 19)
    part = b"\x0a" + _varint(len(scope)) + scope
    path = tmp_path / "bomb"
    path.write_bytes(forms.framed(part))
    done = check(path, 60)
    assert (done.returncode, done.stderr.partition(":1: ")[2]) == (
        2,
        f"trace_id is not 16 bytes (and {(1 << 19) - 1} more in this line)\n",
    )


def _varint(number: int) -> bytes:
    return bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80]) + _varint(number >> 7)
