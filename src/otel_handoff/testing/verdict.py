"""What a test may have: its mismatches, what its marker says of them, and what of them fails it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast, overload

from otel_handoff.record.mismatch import EVIDENCE, OUTCOMES, Mismatch
from otel_handoff.record.story import headline

_MOST_SHOWN: Final = 5


@dataclass(frozen=True)
class Terms:
    """What `@pytest.mark.handoff(...)` says.

    Attributes:
        allow: mismatches that fit `fields` and `evidence` do not fail the test.
        expect: the test fails unless one that fits has this outcome (True: any mismatch); such are allowed.
        fields: those that disagree must all be among these; None: any.
        evidence: must be one of these; None: any.
    """

    allow: bool = False
    expect: str | bool = False
    fields: frozenset[str] | None = None
    evidence: frozenset[str] | None = None

    @classmethod
    def of(cls, /, *unnamed: object, **given: Any) -> Terms:
        """Read the marker's arguments.

        Raises:
            ValueError: one that is unknown or cannot be meant.
        """
        if unnamed:
            raise ValueError(f"pytest.mark.handoff({unnamed[0]!r}): say what it is, as in expect={unnamed[0]!r}")
        known = {"allow", "expect", "fields", "evidence"}
        if unknown := sorted(set(given) - known):
            raise ValueError(f"pytest.mark.handoff has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
        terms = cls(
            bool(given.get("allow", False)),
            given.get("expect", False),
            _names("fields", given.get("fields")),
            _names("evidence", given.get("evidence")),
        )
        if not isinstance(terms.expect, bool) and terms.expect not in OUTCOMES:
            raise ValueError(f"pytest.mark.handoff: expect is one of {', '.join(OUTCOMES)}, not {terms.expect!r}")
        if terms.evidence is not None and not terms.evidence <= set(EVIDENCE):
            raise ValueError(f"pytest.mark.handoff: evidence is of {', '.join(EVIDENCE)}, not {given['evidence']!r}")
        return terms

    def expected(self, mismatch: Mismatch) -> bool:
        """Whether it is what `expect` says."""
        is_it = not mismatch.is_exposure if self.expect is True else self.expect == mismatch.outcome
        return is_it and self._fits(mismatch)

    def permits(self, mismatch: Mismatch) -> bool:
        """Whether the test passes in spite of it."""
        return not mismatch.is_error or (self.allow and self._fits(mismatch)) or self.expected(mismatch)

    def _fits(self, mismatch: Mismatch) -> bool:
        return (self.fields is None or self.fields >= set(mismatch.observed)) and (
            self.evidence is None or mismatch.evidence in self.evidence
        )


def _names(what: str, given: Any) -> frozenset[str] | None:
    if given is None:
        return None
    names = cast("list[Any]", [given] if isinstance(given, str) else given)
    if not isinstance(given, (str, Collection)) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"pytest.mark.handoff: {what} is a string or a list of them, not {given!r}")
    return frozenset(names)


class Mismatches(Sequence[Mismatch]):
    """The mismatches of one test so far, oldest first: the fixture `handoff`.

    What is neither expected nor cleared fails the test, if its outcome is `used` or `blocked`. A context that merely
    moved on while the worker ran is no mismatch: it is among the `exposures`.
    """

    def __init__(self) -> None:
        self.over: bool = False
        self._found: list[Mismatch] = []
        self._settled: set[int] = set()

    @property
    def mismatches(self) -> list[Mismatch]:
        """All of them."""
        return [mismatch for mismatch in self._found[:] if not mismatch.is_exposure]

    @property
    def exposures(self) -> list[Mismatch]:
        """Each time that a context had moved on, and no use of a wrong id is known."""
        return [mismatch for mismatch in self._found[:] if mismatch.is_exposure]

    @property
    def all(self) -> list[Mismatch]:
        """Both, in order."""
        return self._found[:]

    def expect(
        self, *, count: int | None = None, evidence: str | None = None, outcome: str | None = None
    ) -> list[Mismatch]:
        """Return those of this evidence and outcome, which then do not fail the test.

        Args:
            count: how many there must be; None: at least one.
            evidence: `call`, `result`, `read`, ...; None: any.
            outcome: `used`, `blocked`, `prevented` or `exposed`; None: any. Without both, exposures are none of them.

        Raises:
            AssertionError: there are more, fewer, or none.
            ValueError: there is no such evidence or outcome, so that none is sure to be found.
        """
        if evidence not in (None, *EVIDENCE) or outcome not in (None, *OUTCOMES):
            raise ValueError(f"evidence is of {', '.join(EVIDENCE)}, and outcome of {', '.join(OUTCOMES)}")
        found = [
            mismatch
            for mismatch in (self.mismatches if evidence is outcome is None else self.all)
            if evidence in (None, mismatch.evidence) and outcome in (None, mismatch.outcome)
        ]
        if len(found) != count if count is not None else not found:
            kind = " ".join(word for word in (outcome, evidence) if word)
            wanted = "one or more" if count is None else count
            text = f"{wanted} {kind} mismatches were expected, there are {len(found)}".replace("  ", " ")
            raise AssertionError("\n".join([text, *(str(mismatch) for mismatch in self.all[:_MOST_SHOWN])]))
        self._settled.update(map(id, found))
        return found

    def clear(self) -> None:
        """Forget those so far: they do not fail the test."""
        self._found.clear()
        self._settled.clear()  # an id may be another mismatch's, once its own is gone

    def add(self, mismatch: Mismatch) -> None:
        """Called by whoever finds one, on any thread."""
        self._found.append(mismatch)

    def failures(self, terms: Terms) -> list[Mismatch]:
        """Return what fails the test and has not been returned before."""
        failures = [
            mismatch for mismatch in self._found[:] if id(mismatch) not in self._settled and not terms.permits(mismatch)
        ]
        self._settled.update(map(id, failures))
        return failures

    @overload
    def __getitem__(self, index: int) -> Mismatch: ...
    @overload
    def __getitem__(self, index: slice) -> list[Mismatch]: ...
    def __getitem__(self, index: int | slice) -> Mismatch | list[Mismatch]:
        return self.mismatches[index]

    def __len__(self) -> int:
        return len(self.mismatches)

    def __iter__(self) -> Iterator[Mismatch]:
        return iter(self.mismatches)

    def __repr__(self) -> str:
        return f"<{len(self)} mismatches>"


def text_of(mismatches: Sequence[Mismatch]) -> str:
    """Return the first one's headline, and the full reports, of many the first few."""
    count = len(mismatches)
    first = f"{headline(mismatches[0])}{f' (and {count - 1} more)' if count > 1 else ''}"
    more = [f"... and {count - _MOST_SHOWN} more"] if count > _MOST_SHOWN else []
    return "\n".join([first, *(str(mismatch) for mismatch in mismatches[:_MOST_SHOWN]), *more])
