"""Generated programs under a scheduler of our own, by what really happened: the table of docs/find.md, in small."""

from __future__ import annotations

from itertools import product

from otel_handoff.find.found import WRONG
from otel_handoff.find.verify import NOTHING, WRONG_IDS
from tests.find.explored import HOSTS, RIGHT, explored

RACED, CLEAN = range(32), range(16)


def test_generated_programs() -> None:
    """No right program is called wrong, hardly a wrong one has code 0, and reads are counted once they are watched."""
    raced = {(host, seed): explored(seed, host) for host, seed in product(HOSTS, RACED)}
    clean = {(host, seed): explored(seed, host, clean=True) for host, seed in product(HOSTS, CLEAN)}
    accused = [key for key, each in {**raced, **clean}.items() if each.truth == RIGHT and each.code == WRONG_IDS]
    assert accused == []
    wrong = {key: each for key, each in raced.items() if each.truth == WRONG}
    assert len(wrong) > 100
    missed = [key for key, each in wrong.items() if each.code == NOTHING]
    assert len(missed) <= len(wrong) // 50, missed
    assert sum(each.code == WRONG_IDS for each in wrong.values()) > 0.8 * len(wrong)
    assert sum(each.found for each in raced.values()) > 0.97 * sum(each.wrong for each in raced.values())
