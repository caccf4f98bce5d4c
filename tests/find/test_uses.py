"""What becomes of a value that is read: whether it is used for a row, by itself, shown, or only compared."""

from __future__ import annotations

import dis
import linecache
import textwrap
import threading
import traceback
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

import pytest

from otel_handoff.find.seen import At
from otel_handoff.find.source import source_of
from otel_handoff.find.uses import ALONE, CHECKED, COMPARED, HIDDEN, SHOWN, TAKEN, use_of

USES = [
    (COMPARED, "if row != self.id: return"),
    (COMPARED, "is_stale = row < self.id\nif is_stale: return"),
    (COMPARED, "while self.id < row + 1: wait()"),
    (COMPARED, "newest = self.id\nif newest == row: return 1\nreturn 2"),
    (COMPARED, "return self.id in (1, 2)"),
    (COMPARED, "assert self.id == row"),
    (COMPARED, "if not self.id: return row"),
    (COMPARED, "if row.token is self.id.token: return"),
    (COMPARED, "if self.id.startswith(row): return"),
    (COMPARED, "if row and self.id: return"),
    (COMPARED, "return [one for one in row if self.id]"),
    (COMPARED, "if (newest := self.id): return row"),
    (COMPARED, "match self.id:\n    case '1': return row"),
    (COMPARED, "if is_stale(row, self.id): return"),
    (ALONE, "with self.lock: self.seen.append(f'now at {self.id}')"),
    (ALONE, "self.beats.append({'alive': True, 'task': self.id})"),
    (ALONE, "self.last = self.id"),
    (ALONE, "newest = self.id\nself.seen.add(newest)"),
    (ALONE, "newest = self.id"),
    (SHOWN, "print(row, self.id)"),
    (SHOWN, "if row: print(f'{row}, now at {self.id}', flush=True)"),
    (SHOWN, "print(f'{name()}: {row}, now at {self.id}')"),
    (SHOWN, "print(row, {'now': str(self.id)})"),
    (SHOWN, "newest = self.id\ntext = f'{row}, now at {newest}'\nprint(text)"),
    (SHOWN, "log.warning('wrote %s, reading at %s', row, self.id)"),
    (SHOWN, "self._logger.info('wrote %s', row, extra={'now': self.id})"),
    (SHOWN, "logging.getLogger('shop').info('wrote %s, reading at %s', row, self.id)"),
    (SHOWN, "sys.stderr.write('%s, %s' % (row, self.id))"),
    (SHOWN, "raise ValueError(f'{row} came after {self.id}')"),
    (SHOWN, "assert row, self.id"),
    (SHOWN, "self.progress('{} done, reading {}'.format(row, self.id))"),
    (SHOWN, "say(row, self.id)"),
    (SHOWN, "say(row, newest=self.id)"),
    (SHOWN, "say_all(row, self.id)"),
    (CHECKED, "newest = self.id\nif newest == row: return newest\nreturn row"),
    (CHECKED, "if self.id == row: file(row, self.id)"),
    (CHECKED, "newest, what = self.id, self.what\nif newest != row: return\nfile(row, newest, what)"),
    (CHECKED, "file({'row': row, 'is_newest': row == self.id, 'newest': self.id})"),
    (TAKEN, "newest = self.id\nif newest == 'none': return\nfile(row, newest)"),
    (TAKEN, "print(file(row, self.id))"),
    (TAKEN, "row.error(self.id)"),
    (TAKEN, "self.log.append((row, self.id))"),
    (TAKEN, "self.show(row, self.id)"),
    (TAKEN, "file(row, self.id)"),
    (TAKEN, "file(row, f'/orders/{self.id}')"),
    (TAKEN, "self.filed[row] = self.id"),
    (TAKEN, "self.filed[self.id] = row"),
    (TAKEN, "file(self.row, self.desk.id)"),
    (TAKEN, "return self.id"),
    (TAKEN, "newest = self.id or row\nfile(row, newest)"),
    (TAKEN, "headers = {'id': self.id}\npost(row, headers)"),
    (TAKEN, "return [self.id for _ in row]"),
    (TAKEN, "total = self.add(self.id)"),
    (TAKEN, "if row.check(self.id): return"),
    (TAKEN, "if self.id.check(row): return"),
    (TAKEN, "for one in self.id: file(row, one)"),
    (TAKEN, "yield row, self.id"),
    (TAKEN, "keep(row, self.id)"),
    (TAKEN, "say(*row, self.id)"),
]

HELPERS = """
def is_stale(row, newest):
    return row < newest

def say(row, newest=None):
    print(row, newest)

def say_all(*words):
    say(" ".join(words))

def keep(row, newest):
    print(newest)
    kept[row] = newest
"""


CALLERS = [
    (COMPARED, "if self.newest() == row: return"),
    (COMPARED, "if self.now != row: return"),
    (COMPARED, "if self.newest()['id'] == row: return"),
    (SHOWN, "print(row, self.newest())"),
    (SHOWN, "print(row, self.now)"),
    (CHECKED, "newest = self.newest()\nif newest == row: file(row, newest)"),
    (TAKEN, "file(row, self.newest())"),
    (TAKEN, "file(row, self.now)"),
    (TAKEN, "return self.newest()"),
    (ALONE, "self.seen.append(self.newest())"),
]

SHARED = """
class Shared:
    def newest(self):
        with self.lock:
            return self.held()

    def held(self):
        return self.id

    @property
    def now(self):
        return {"id": self.id}

    @property
    def id(self):
        raise StoppedError

    lock, seen = threading.Lock(), []
"""


class StoppedError(Exception):
    """The value was read."""


@pytest.fixture(name="compiled")
def _compiled() -> Iterator[Callable[[str], dict[str, Any]]]:
    """Return what a text defines: a source that can be had, in no file."""
    name = "<uses>"

    def compiled(text: str) -> dict[str, Any]:
        linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
        space: dict[str, Any] = {"StoppedError": StoppedError, "threading": threading, "file": print}
        exec(compile(text, name, "exec"), space)
        return space

    source_of.cache_clear()
    yield compiled
    linecache.cache.pop(name, None)
    source_of.cache_clear()


Compiled = Callable[[str], dict[str, Any]]


def reads_of(code: CodeType) -> Iterator[At]:
    """Yield where `id` is read, in a function and those within it."""
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_ATTR", "LOAD_METHOD") and step.argval == "id":
            yield At(code, step.offset)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from reads_of(inner)


@pytest.mark.parametrize(("use", "text"), USES, ids=[text.replace("\n", "; ") for _, text in USES])
def test_what_becomes_of_it(compiled: Compiled, use: int, text: str) -> None:
    """As far as the source shows it; in doubt it is used."""
    space = compiled(f"{HELPERS}\ndef work(self, row):\n{textwrap.indent(text, '    ')}\n")
    kinds = {kind for read in reads_of(space["work"].__code__) for kind in use_of([read]).kinds}
    assert use in kinds
    assert kinds <= {use, COMPARED}


@pytest.mark.parametrize(("use", "text"), CALLERS, ids=[text.replace("\n", "; ") for _, text in CALLERS])
def test_what_becomes_of_what_is_returned(compiled: Compiled, use: int, text: str) -> None:
    """It is asked of who called: a value is no other for being read by a method, or a property."""
    space = compiled(f"{SHARED}\ndef work(self, row):\n{textwrap.indent(text, '    ')}\n")
    frames: list[FrameType] = []
    try:
        space["work"](space["Shared"](), "r1")
    except StoppedError as error:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][1:-1]
    places = [At(frame.f_code, frame.f_lasti) for frame in reversed(frames)]
    assert use in (kinds := use_of(places).kinds)
    assert kinds <= {use, COMPARED}


def test_what_is_read_of_an_object(compiled: Compiled) -> None:
    """Of one that may be anything, that says whether it was its id."""
    text = "def work(self, row):\n    now = self.id\n    print(now.size, row)\n    file(now.order_id, row)\n"
    (read,) = reads_of(compiled(text)["work"].__code__)
    assert use_of([read]).parts == {"size", "order_id"}


def test_a_source_that_is_not_there() -> None:
    """Nothing shows; that is said."""
    space: dict[str, Any] = {}
    exec(compile("def work(self, row):\n    file(row, self.id)", "<gone>", "exec"), space)
    (read,) = reads_of(space["work"].__code__)
    assert use_of([read]).kinds == {HIDDEN}
