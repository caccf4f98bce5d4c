"""What comes at the same time, where tasks switch where they like: nobody can tell what was first."""

from __future__ import annotations

from tests.schedules.records import Attempt, Filed, Ids


def is_perhaps_done_by_returning(attempt: Attempt, at: int) -> bool:
    """Whether the work function may have returned, by then, before any result was handed in.

    A result is handed in at some time between its call and the call's return.
    """
    results = [filed for filed in attempt.filed if filed.evidence == "result" and filed.at < at]
    return all(filed.done > attempt.finish[0] for filed in results)


def perhaps_known(filed: Filed) -> Ids:
    """Return the wrong ids that a call is filed under of which it may be known that the row has them off the context.

    They were got around the class; but while the call was made, another of its workers was reading the same.
    """
    return {
        name: got.wrong[name]
        for name, got in filed.gots.items()
        if name in got.wrong
        and name not in filed.wrong
        and any(
            each.visible and each.root == got.root and each.wrong == got.wrong and each.begin < filed.done
            for each in filed.attempt.gots
        )
    }
