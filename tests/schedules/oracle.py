"""Judges what was reported by what really happened. It shares no code with the detector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from otel_handoff import Mismatch
from tests.schedules.coverage import judge_coverage
from tests.schedules.culprits import Culprits
from tests.schedules.meanwhile import is_perhaps_done_by_returning, perhaps_known
from tests.schedules.own import is_anybodys, is_own_again, written_by
from tests.schedules.program import BLIND
from tests.schedules.records import Attempt, Filed, Got, Ids, Unchecked, Written
from tests.schedules.truth import Truth
from tests.schedules.verdict import MOVED, Pair, Verdict, describe, has, kind_of_filing, kind_of_read, overlap

_NONE: Final[frozenset[str]] = frozenset()


class Oracle:
    """Judges one run.

    Args:
        truth: what happened.
        reports: what was reported, and when.
        unchecked: what was told of rows that could not be judged.
        may: the reasons for which they may be left unjudged.
        exact: no line was pre-empted, so each read has exactly one source.
    """

    def __init__(
        self,
        truth: Truth,
        reports: Sequence[tuple[int, Mismatch]],
        unchecked: Sequence[Unchecked],
        *,
        may: frozenset[str],
        exact: bool,
    ) -> None:
        self._truth = truth
        self._unchecked = unchecked
        self._may = may
        self._reports = reports
        self._exact = exact
        self._attempts: dict[int, list[Attempt]] = {}
        for attempt in truth.attempts:
            if attempt.number:
                self._attempts.setdefault(attempt.number, []).append(attempt)
        self._told: dict[Attempt, dict[Pair, set[str]]] = {attempt: {} for attempt in truth.attempts}
        """Per attempt: wrong value -> the outcomes told of it so far."""
        self._read_at: set[object] = set()
        self._sources: dict[int, tuple[list[Written], str]] = {}
        self._culprits = Culprits(truth, exact=exact)
        self.verdict: Verdict = Verdict()

    def judge(self) -> Verdict:
        """Judge all reports, and then what was not reported."""
        for at, mismatch in self._reports:
            self._report(at, mismatch)
        unjudged = judge_coverage(self._truth, self._unchecked, self._may, self.verdict)
        for attempt in self._truth.attempts:
            if attempt.number and attempt not in unjudged:
                self._recall(attempt)
        return self.verdict

    # -- precision

    def _report(self, at: int, mismatch: Mismatch) -> None:
        key = (mismatch.evidence, mismatch.outcome)
        self.verdict.evidence[(*key, "reports")] += 1
        attempt = self._whose(mismatch)
        why = "nobody's" if attempt is None else self._why_false(at, mismatch, attempt)
        if why:
            self.verdict.alarms.append(f"{why}: {describe(mismatch)}")
            return
        assert attempt is not None
        self.verdict.evidence[(*key, "true")] += 1
        for pair in self._truth.meant(mismatch.observed).items():
            self._told[attempt].setdefault(pair, set()).add(
                mismatch.evidence if mismatch.evidence in ("start", "end") else mismatch.outcome
            )

    def _whose(self, mismatch: Mismatch) -> Attempt | None:
        # Of a row with several workers, the one whose task told it.
        attempts = self._attempts.get(mismatch.submission.number, [])
        reporter = self._truth.reporter_of(mismatch)
        return reporter if reporter in attempts else next(iter(attempts), None)

    def _why_false(self, at: int, mismatch: Mismatch, attempt: Attempt) -> str:
        observed = self._truth.meant(mismatch.observed)
        if (expected := self._expected(attempt, mismatch)) is not None and dict(mismatch.expected) != expected:
            return f"expected {expected}"
        if self._is_its_own(attempt, mismatch, observed):
            return "it is its own"
        if self._exact and mismatch.stale != self._is_stale(attempt, at) and self._is_stale_known(at):
            return f"stale is {not mismatch.stale}"
        if mismatch.evidence in ("call", "result"):
            return self._filed(at, mismatch, attempt, observed)
        if mismatch.evidence == "read":
            if mismatch.outcome == "prevented":
                return self._spared(at, mismatch, attempt, observed)
            return self._read(at, mismatch, attempt, observed)
        return self._moved(at, mismatch, attempt, observed)

    def _expected(self, attempt: Attempt, mismatch: Mismatch) -> Ids | None:
        # What the row was handed over with, or what its worker had written last by then. The start is before that.
        expected = {name: attempt.expected[name] for name in mismatch.observed}
        if not attempt.own or mismatch.evidence == "start":
            return expected
        if not (self._exact and self._truth.watch):
            return None  # nobody knows, to the line, what was written by then
        observed = self._truth.meant(mismatch.observed)
        own = written_by(self._truth, attempt, mismatch.time_unix_nano)
        expected.update({name: value for name, value in own.items() if name in expected})
        # An id that it had taken before it wrote the same itself was wrong then, and is filed now.
        return {name: attempt.expected[name] if value == observed[name] else value for name, value in expected.items()}

    def _is_its_own(self, attempt: Attempt, mismatch: Mismatch, observed: Ids) -> bool:
        # What it wrote last is its own, whoever wrote the same again. What a call is given may have been read before.
        if not (self._exact and self._truth.watch) or mismatch.evidence not in ("read", "end"):
            return False
        own = written_by(self._truth, attempt, mismatch.time_unix_nano)
        return mismatch.outcome != "prevented" and any(has(own, name, value) for name, value in observed.items())

    def _is_stale_known(self, at: int) -> bool:
        # While a submit function has not yet written what the row is, it is taken for a retry of the row before. Where
        # two threads do so on one context, what each of them hands over is anybody's guess.
        others = [each for each in self._truth.attempts if each.accepted]
        if len({each.thread for each in others}) > 1 and any(each.stamps for each in others):
            return False
        return all(0 < each.stamped < at for each in others if (each.accepted or 0) < at)

    def _filed(self, at: int, mismatch: Mismatch, attempt: Attempt, observed: Ids) -> str:
        if mismatch.outcome == "prevented":
            return self._moved_at_call(at, mismatch, attempt, observed)
        observed = self._certain(attempt, observed)
        if not observed:
            return ""
        for filed in attempt.filed:
            if (
                not filed.matched
                and (filed.evidence, filed.outcome) == (mismatch.evidence, mismatch.outcome)
                and self._is_filed_under(filed, observed)
                and filed.at < at
            ):
                filed.matched = True
                self._culprit(at, mismatch, self._sources_of_filing(filed), self._kinds(filed))
                return ""
        return "no such call"

    def _is_filed_under(self, filed: Filed, observed: Ids) -> bool:
        wrong = self._certain(filed.attempt, filed.wrong)
        perhaps = {} if self._exact else perhaps_known(filed)
        return wrong == {name: value for name, value in observed.items() if not has(perhaps, name, value)}

    def _read(self, at: int, mismatch: Mismatch, attempt: Attempt, observed: Ids) -> str:
        observed = self._certain(attempt, observed)
        if not observed:
            return ""
        for name, value in observed.items():
            if not any(has(got.wrong, name, value) and got.visible and got.begin < at for got in attempt.gots):
                return "no such read"
        if self._exact:
            if at < attempt.finish[0]:
                return "told before the end of the work, when something may still come of it"
            if any(self._told[attempt].get(pair, _NONE) & {"used", "blocked", "exposed"} for pair in observed.items()):
                place = (attempt, mismatch.location, *observed.items())
                earlier = [filed for filed in attempt.filed if filed.at < at and overlap(filed.wrong, observed)]
                if earlier or place in self._read_at:
                    return "told before"
                self._read_at.add(place)
            else:
                self._read_at.add((attempt, mismatch.location, *observed.items()))
        gots = [got for got in attempt.gots if got.visible and got.begin < at and overlap(got.wrong, observed)]
        self._culprit(at, mismatch, [w for got in gots for w in got.sources], {kind_of_read(got) for got in gots})
        return ""

    def _spared(self, at: int, mismatch: Mismatch, attempt: Attempt, observed: Ids) -> str:
        for name, value in observed.items():
            if not any(has(ids, name, value) for got in attempt.gots if got.begin < at for ids in got.spared):
                return "nothing was spared"
            if self._exact and "prevented" in self._told[attempt].get((name, value), _NONE):
                return "told before"
        gots = [got for got in attempt.gots if any(overlap(ids, observed) for ids in got.spared)]
        self._culprit(
            at, mismatch, [w for got in gots for w in got.spared_sources], {kind_of_read(got) for got in gots}
        )
        return ""

    def _moved(self, at: int, mismatch: Mismatch, attempt: Attempt, observed: Ids) -> str:
        if self._exact and any(not {"start", "end"} >= told for told in self._told[attempt].values()):
            return "the context did not merely move on"
        windows = [attempt.start] if mismatch.evidence == "start" else self._ends(attempt, at)
        sources = [written for window in windows for written in self._in_effect(attempt, window, observed)]
        if not sources:
            return "the context was right then"
        self._culprit(at, mismatch, sources, {MOVED})
        return ""

    def _ends(self, attempt: Attempt, at: int) -> list[tuple[int, int]]:
        # A row is done when its result is handed in, or else when the work function returns.
        results = [(filed.at, filed.done) for filed in attempt.filed if filed.evidence == "result" and filed.at < at]
        if results and (self._exact or not is_perhaps_done_by_returning(attempt, at)):
            return results
        return [(attempt.finish[0], min(at, attempt.finish[1])), *results]

    def _moved_at_call(self, at: int, mismatch: Mismatch, attempt: Attempt, observed: Ids) -> str:
        # Without watch nobody knows what a pinned worker would have read: true is that the context had moved on.
        sources = self._in_effect(attempt, (at, at), observed)
        if not sources:
            return "the context was right then"
        self._culprit(at, mismatch, sources, {MOVED})
        return ""

    def _in_effect(self, attempt: Attempt, window: tuple[int, int], observed: Ids) -> list[Written]:
        return [
            written
            for root in self._truth.shape.roots
            for written in self._truth.in_effect(attempt.context, root, *window)
            if written.owner is not attempt and overlap(written.ids, observed)
        ]

    def _is_stale(self, attempt: Attempt, at: int) -> bool:
        return any(since is not None and since < at for since in (attempt.evicted, attempt.superseded))

    def _certain(self, attempt: Attempt, wrong: Ids) -> Ids:
        """Leave out what nobody can tell: whose id it is, where the row wrote it itself, and another did, too."""
        if not attempt.own:
            return wrong
        return {n: v for n, v in wrong.items() if not is_anybodys(self._truth, attempt, n, v)}

    # -- culprits

    def _sources_of_filing(self, filed: Filed) -> list[Written]:
        attempt = filed.attempt
        seen = [got for got in attempt.gots if got.begin <= filed.at and overlap(got.wrong, filed.wrong)]
        return [written for got in seen for written in got.sources]

    def _kinds(self, filed: Filed) -> set[str]:
        return {kind_of_filing(filed), *(got.via for got in filed.gots.values() if got.via in BLIND)}

    def _culprit(self, at: int, mismatch: Mismatch, sources: Iterable[Written], kinds: set[str]) -> None:
        named = mismatch.culprit
        if not self._truth.watch or (
            named
            and named.field
            not in self._certain(self._attempts[mismatch.submission.number][0], self._truth.meant(mismatch.observed))
        ):
            return
        right = self._culprits.is_right(at, mismatch, sources)
        key = (mismatch.evidence, mismatch.outcome)
        self.verdict.evidence[(*key, "named")] += 1
        self.verdict.evidence[(*key, "right")] += right
        for kind in kinds:
            self.verdict.uses[kind, "named"] += 1
            self.verdict.uses[kind, "right"] += right
        if not right and not kinds & BLIND:
            wrong = [f"{w.task} {w.root}={w.ids} at {w.begin % 10**9}" for w in sources]
            self.verdict.culprits.append(f"{describe(mismatch)}; the truth: {wrong}")

    # -- recall

    def _recall(self, attempt: Attempt) -> None:
        for got in attempt.gots:
            self._count_read(attempt, got)
        for filed in attempt.filed:
            self._count_filing(attempt, filed)
        if self._exact and not attempt.pinned and not self._told[attempt] and attempt.finish[1]:
            ends = self._ends(attempt, attempt.finish[1])
            left = [
                written.ids
                for root in self._truth.shape.roots
                for written in self._truth.in_effect(attempt.context, root, *ends[-1])
                if written.owner is not attempt
                and any(attempt.expected[n] != v for n, v in written.ids.items())
                and not is_own_again(self._truth, attempt, written)
            ]
            if left:
                self.verdict.missed.append(f"{attempt.label}: the context had moved on, {left[0]}")

    def _count_read(self, attempt: Attempt, got: Got) -> None:
        kind, uses = kind_of_read(got), self.verdict.uses
        uses[kind, "uses"] += 1
        if got.sure and self._certain(attempt, got.wrong):
            uses[kind, "wrong"] += 1
            uses[kind, "effect"] += 1
            found = self._was_told(attempt, got.wrong, {"used", "blocked", "exposed"})
            uses[kind, "found" if found else "missed"] += 1
            if not found and got.visible:
                self.verdict.missed.append(f"{attempt.label} read {got.wrong} by {got.via}")
            if attempt.pinned and not _goes_around(attempt, got):
                self.verdict.took.append(f"{attempt.label} read {got.wrong} by {got.via}")
        elif got.spared_sure:
            uses[kind, "wrong"] += 1
            found = self._was_told(attempt, got.spared[0], {"prevented", "used", "blocked", "exposed"})
            uses[kind, "found" if found else "missed"] += 1
            if not found and got.visible:
                self.verdict.missed.append(f"{attempt.label} would have read {got.spared[0]} by {got.via}")

    def _count_filing(self, attempt: Attempt, filed: Filed) -> None:
        kind, uses = kind_of_filing(filed), self.verdict.uses
        uses[kind, "uses"] += 1
        if filed.sure and self._certain(attempt, filed.wrong):
            uses[kind, "wrong"] += 1
            uses[kind, "effect"] += filed.outcome == "used"
            uses[kind, "found" if filed.matched else "missed"] += 1
            if not filed.matched:
                self.verdict.missed.append(f"{attempt.label} filed under {filed.wrong} ({filed.outcome})")
            if attempt.pinned and not any(_goes_around(attempt, got) for got in filed.gots.values()):
                self.verdict.took.append(f"{attempt.label} filed under {filed.wrong}")
            return
        spared = [got for name, got in filed.gots.items() if got.spared_sure and name in got.spared[0]]
        if spared and not filed.wrong:
            uses[kind, "wrong"] += 1
            found = all(self._was_told(attempt, got.spared[0], {"prevented", "used"}) for got in spared)
            uses[kind, "found" if found else "missed"] += 1

    def _was_told(self, attempt: Attempt, wrong: Ids, outcomes: set[str]) -> bool:
        return any(self._told[attempt].get(pair, _NONE) & outcomes for pair in wrong.items())


def _goes_around(attempt: Attempt, got: Got) -> bool:
    # Whether what is read is not what the worker was given: the raw context, or around the class of what it shares.
    return got.via == "alias" if attempt.view is None else not got.visible
