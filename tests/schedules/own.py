"""What a worker itself has written: it is its own, whoever writes the same again."""

from __future__ import annotations

from tests.schedules.records import Attempt, Ids, Written
from tests.schedules.truth import Truth
from tests.schedules.verdict import has


def written_by(truth: Truth, attempt: Attempt, time: int) -> Ids:
    """Return what the attempt's worker had written last by then."""
    own: Ids = {}
    for written in _writes(truth, attempt):
        if written.begin < time:
            own.update(written.ids)
    return own


def is_own_again(truth: Truth, attempt: Attempt, written: Written) -> bool:
    """Whether another wrote once more what the worker itself had written last."""
    own = [each for each in _writes(truth, attempt) if each.root == written.root and each.begin < written.begin]
    return bool(own) and own[-1].ids == written.ids


def is_anybodys(truth: Truth, attempt: Attempt, name: str, value: object) -> bool:
    """Whether nobody can tell whose id a worker has: it wrote this one itself, where another wrote it, too."""
    contexts = [attempt.handed if attempt.view is None else attempt.context]
    if attempt.pinned and any(got.via == "alias" and has(got.ids, name, value) for got in attempt.gots):
        contexts.append(attempt.context)  # else what is written there is no concern of the worker
    writes = [
        written
        for context in contexts
        for root in truth.shape.roots
        for written in truth.writes(context, root)
        if has(written.ids, name, value) and written.task
    ]
    return len({written.owner is attempt for written in writes}) == 2


def _writes(truth: Truth, attempt: Attempt) -> list[Written]:
    handed = attempt.handed if attempt.view is None else attempt.context
    contexts = {id(each): each for each in (attempt.context, handed)}.values()
    written = [each for context in contexts for root in truth.shape.roots for each in truth.writes(context, root)]
    return sorted((each for each in written if each.owner is attempt), key=lambda each: each.begin)
