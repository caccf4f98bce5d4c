"""What becomes of a value that is read: whether it is used for a row, by itself, or only compared."""

from __future__ import annotations

import dis
import textwrap
from types import FunctionType

import pytest

from otel_handoff.find.uses import ALONE, COMPARED, SHOWN, TAKEN, use_of

USES = [
    (COMPARED, "if row != self.id: return"),
    (COMPARED, "is_stale = row < self.id\nif is_stale: return"),
    (COMPARED, "while self.id < row + 1: wait()"),
    (COMPARED, "newest = self.id\nif newest == row: return 1\nreturn 2"),
    (COMPARED, "return self.id in (1, 2)"),
    (COMPARED, "assert self.id == row"),
    (COMPARED, "if not self.id: return row"),
    (COMPARED, "if row.token is self.id.token: return"),
    (ALONE, "with self.lock: self.seen.append(f'now at {self.id}')"),
    (ALONE, "self.beats.append({'alive': True, 'task': self.id})"),
    (ALONE, "self.last = self.id"),
    (SHOWN, "print(row, self.id)"),
    (SHOWN, "if row: print(f'{row}, now at {self.id}', flush=True)"),
    (SHOWN, "log.warning('wrote %s, reading at %s', row, self.id)"),
    (SHOWN, "self._logger.info('wrote %s', row, extra={'now': self.id})"),
    (TAKEN, "print(file(row, self.id))"),
    (TAKEN, "row.error(self.id)"),
    (TAKEN, "self.log.append((row, self.id))"),
    (TAKEN, "file(row, self.id)"),
    (TAKEN, "self.filed[row] = self.id"),
    (TAKEN, "file(self.row, self.desk.id)"),
    (TAKEN, "return self.id"),
    (TAKEN, "newest = self.id\nif newest == row: return newest"),
    (TAKEN, "newest = self.id or row"),
    (TAKEN, "headers = {'id': self.id}\npost(row, headers)"),
    (TAKEN, "return [self.id for _ in row]"),
    (TAKEN, "total = self.add(self.id)"),
    (TAKEN, "if row.check(self.id): return"),
    (TAKEN, "if self.id.check(row): return"),
]


@pytest.mark.parametrize(("use", "text"), USES, ids=[text.partition("\n")[0] for _, text in USES])
def test_what_becomes_of_it(use: int, text: str) -> None:
    """As far as the statement shows it; in doubt it is used."""
    space: dict[str, FunctionType] = {}
    exec(f"def work(self, row):\n{textwrap.indent(text, '    ')}", space)
    code = space["work"].__code__
    inner = [one for one in code.co_consts if isinstance(one, type(code))]
    reads = [
        (each, step.offset)
        for each in (code, *inner)
        for step in dis.get_instructions(each)
        if step.opname in ("LOAD_ATTR", "LOAD_METHOD") and step.argval == "id"
    ]
    assert reads
    assert {use_of(*read) for read in reads} == {use}
