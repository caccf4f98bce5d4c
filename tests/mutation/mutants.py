"""The mutants: slips that a refactoring could make, each as one edit of one module of `otel_handoff`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Mutant:
    """One edit, what it breaks, and the tests that must notice.

    Attributes:
        module: the module of `otel_handoff` that is edited; together with `name` it says which mutant this is.
        old: text that stands in the module exactly once.
        new: what takes its place.
        breaks: one sentence, for the table.
        tests: what pytest is given.
    """

    module: str
    name: str
    old: str
    new: str
    breaks: str
    tests: str

    def __str__(self) -> str:
        return f"{self.module}: {self.name}"

    def apply(self, source: Path) -> None:
        """Edit the module under `source`, a folder that holds `otel_handoff`.

        Raises:
            ValueError: the old text is not there exactly once, so the mutant has to follow the code.
        """
        path = source / "otel_handoff" / f"{self.module}.py"
        text = path.read_text(encoding="utf-8")
        if (count := text.count(self.old)) != 1:
            raise ValueError(f"{self}: its old text is {count} times, not once, in {path.name}: {self.old!r}")
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


MUTANTS: Final = (
    # -- submit
    Mutant(
        "handoff",
        "snapshot after submit",
        "            submitting.reset(token)",
        "            submitting.reset(token)\n"
        "            handed = self._submit_parameters.get(self.boundary.context, args, kwargs)\n"
        "            lease.roots = lease.kind.roots_of(handed)\n"
        '            object.__setattr__(lease.submission, "ids", self._fields.ids_of(lease.roots))',
        "The ids are taken when the submit function has returned, not before it is entered.",
        "tests/hazards/test_handing_over.py",
    ),
    Mutant(
        "handoff",
        "pinned copy not handed over",
        "replace(self.boundary.context, lease.handed, args",
        "replace(self.boundary.context, lease.context, args",
        "The context is copied, but the worker is given the shared one.",
        "tests/unit/test_boundary_hand_off.py",
    ),
    Mutant(
        "handoff",
        "declared pools forgotten",
        "[follow(target) for target in boundary.pools]",
        "[]",
        "A pool that the boundary declares does not carry the submission.",
        "tests/unit/test_carry.py",
    ),
    Mutant(
        "handoff",
        "evicted by any id",
        "if all(same(lease.submission.ids",
        "if any(same(lease.submission.ids",
        "Giving up one submission makes every submission stale that shares an id with it.",
        "tests/unit/test_stale_work.py",
    ),
    Mutant(
        "handoff",
        "a refused eviction counts",
        "if result is not False:",
        "if True:",
        "A submission that the host could not give up any more is called stale.",
        "tests/unit/test_stale_work.py",
    ),
    Mutant(
        "handoff",
        "uninstrument leaves the descriptors",
        "            self._watch.remove()",
        "            pass",
        "After uninstrument() the context's class still has our descriptors.",
        "tests/unit/test_instrumentors.py",
    ),
    # -- transport
    Mutant(
        "handoff",
        "handed over for ever",
        "            handing[0] = None\n",
        "",
        "A task that the host began while it handed a row over works for that row ever after.",
        "tests/hazards/test_handing_over.py",
    ),
    Mutant(
        "transport",
        "any boundary's submission",
        "lease is None or lease.detector is not handoff.detector or instance is None",
        "lease is None or instance is None",
        "A work function that is looked up while another boundary submits takes that one's submission.",
        "tests/hazards/test_handing_over.py",
    ),
    Mutant(
        "transport",
        "claim kept after binding",
        "        handoff.bound(lease)\n",
        "",
        "A submission that already travels with the work item can be claimed a second time.",
        "tests/hazards/test_handing_over.py",
    ),
    Mutant(
        "claims",
        "newest first",
        "in list(self._waiting.get(key, ())):",
        "in reversed(list(self._waiting.get(key, ()))):",
        "Of two rows that were handed over with the same arguments, the later is claimed first.",
        "tests/hazards/test_handing_over.py",
    ),
    Mutant(
        "claims",
        "pinned copies not recognised",
        "for pinned in (True, False):",
        "for pinned in (False,):",
        "A queue's worker that is given a pinned copy is not recognised by it.",
        "tests/unit/test_boundary_hand_off.py",
    ),
    Mutant(
        "claims",
        "group retired with a late claim",
        "                    self._put(key, late, moved)",
        "                    pass",
        "A claim that is put in while the last one of its key is taken is lost.",
        "tests/schedules/test_regressions.py",
    ),
    Mutant(
        "claims",
        "the record keeps the context",
        "                lease.record.release()",
        "                pass",
        "A row that its queue has dropped stays in flight, as its writes' record keeps its context.",
        "tests/hazards/test_life_of_a_submission.py",
    ),
    # -- work
    Mutant(
        "work",
        "stale submission on a reused thread",
        "        active.reset(token)\n",
        "",
        "When the work function has returned, its thread still works for the row.",
        "tests/unit/test_boundary_hand_off.py",
    ),
    Mutant(
        "work",
        "trace left on the thread",
        "            context_api.detach(otel_token)\n",
        "            pass\n",
        "When the work function has returned, the row span is still current on its thread.",
        "tests/unit/test_carry.py",
    ),
    Mutant(
        "work",
        "stale only at the start",
        "                self._count_stale(lease)",
        "                pass",
        "Work that becomes stale while it runs is not counted.",
        "tests/unit/test_metrics.py",
    ),
    Mutant(
        "work",
        "row spans not compared",
        "if attributes is not None:",
        "if attributes is not None and not attributes:",
        "An id that the host puts on the row span is not compared.",
        "tests/unit/test_processor.py",
    ),
    Mutant(
        "work",
        "stale counted twice",
        "if lease.stale and not lease.stale_counted:",
        "if lease.stale:",
        "Work that is stale when it begins is counted again when it ends.",
        "tests/unit/test_stale_work.py",
    ),
    # -- lease
    Mutant(
        "lease",
        "a host's own copy",
        "self.context, self.pinned = handed, False",
        "pass",
        "A host that hands its worker a copy is blamed for the context that moves on.",
        "tests/hazards/test_a_host_that_copies.py",
    ),
    Mutant(
        "lease",
        "evicted is not stale",
        "return self.evicted or self.superseded",
        "return self.superseded",
        "Work on a submission that was given up is not called stale.",
        "tests/unit/test_metrics.py",
    ),
    Mutant(
        "lease",
        "superseded is not stale",
        "return self.evicted or self.superseded",
        "return self.evicted",
        "Work on an attempt that a retry has taken over is not called stale.",
        "tests/unit/test_metrics.py",
    ),
    Mutant(
        "lease",
        "an old attempt forgets the new one",
        "if self.key is not None and self._rows.latest.get(self.key) is self._ref:",
        "if self.key is not None:",
        "When a superseded attempt ends, the row's newer attempt can no longer be superseded.",
        "tests/unit/test_stale_work.py",
    ),
    Mutant(
        "lease",
        "started threads are nobody's",
        "return lease.ended and is_borrowed(lease, context)",
        "return is_borrowed(lease, context)",
        "A thread that a worker starts is not the row's even while the row is worked on.",
        "tests/unit/test_carry.py",
    ),
    Mutant(
        "lease",
        "two findings of one row",
        "self._findings.setdefault(None, Findings())",
        "self._findings.update({None: Findings()}) or self._findings[None]",
        "Two threads of a row that find something first at the same time know nothing of each other's.",
        "tests/schedules/test_regressions.py",
    ),
    # -- carry
    Mutant(
        "carry",
        "nested pool forgotten",
        '    "concurrent.futures.thread:ThreadPoolExecutor.submit",\n',
        "",
        "What a worker hands to a ThreadPoolExecutor in turn does not carry the submission.",
        "tests/unit/test_carry.py",
    ),
    Mutant(
        "carry",
        "nested task leaves its row behind",
        "            active.reset(token)",
        "            pass",
        "A nested pool's thread still works for the row when the task has ended.",
        "tests/unit/test_carry.py",
    ),
    Mutant(
        "carry",
        "pool threads inherit the row",
        "        with no_lease():\n            return wrapped(*args, **kwargs)",
        "        return wrapped(*args, **kwargs)",
        "A pool thread that happens to be started inside a row belongs to it for good.",
        "tests/unit/test_carry.py",
    ),
    Mutant(
        "carry",
        "threads inherit what they may",
        "    with _nothing_to_inherit():",
        "    with no_lease():",
        "Where threads inherit the context, a pool's belongs for good to the row that it was started in.",
        "tests/unit/test_carry.py",
    ),
    Mutant(
        "carry",
        "started threads not marked",
        "context_api.set_value(BORROWED_KEY, lease)",
        "context_api.get_current()",
        "A thread that a worker started works for the row after the row has ended.",
        "tests/unit/test_carry.py",
    ),
    # -- watch
    Mutant(
        "watch",
        "alias of the raw context not watched",
        "and (instance is lease.handed or instance is lease.context):",
        "and instance is lease.handed:",
        "A pinned worker that reads the shared context through another reference is not seen.",
        "tests/hazards/test_reads_and_writes_that_go_around.py",
    ),
    Mutant(
        "watch",
        "the copy compared with itself",
        "self._peek(lease.context)",
        "self._peek(lease.handed)",
        "What a pinned worker was spared is looked up in its own copy, not in the shared context.",
        "tests/unit/test_alerts.py",
    ),
    Mutant(
        "watch",
        "a glance at the copy",
        "shared = lease.context",
        "shared = instance",
        "Whether a pinned worker was spared anything is decided by its own copy, not by the shared context.",
        "tests/unit/test_alerts.py",
    ),
    Mutant(
        "watch",
        "write recorded after it is stored",
        "            write = note(instance, self.name, value)  ",
        "            write = None  ",
        "A reader can see a value whose write is not on record yet.",
        "tests/schedules/test_schedules.py::test_lines_preempted",
    ),
    Mutant(
        "watch",
        "refused write stays on record",
        "                    undo(instance, write)",
        "                    pass",
        "A write that the host refused is taken for one that happened.",
        "tests/hazards/test_whose_write.py",
    ),
    Mutant(
        "watch",
        "first one out removes for all",
        "if not field.users and vars(",
        "if vars(",
        "Of two boundaries that watch one class, the first to go takes the descriptor from the other.",
        "tests/hazards/test_coming_and_going.py",
    ),
    # -- writes
    Mutant(
        "writes",
        "two records of one context",
        "        if _records.setdefault(key, ref) is ref:\n            return record",
        "        _records[key] = ref\n        return record",
        "Two threads that hand one context over for the first time get a record each.",
        "tests/schedules/test_regressions.py",
    ),
    Mutant(
        "writes",
        "a new record goes with the old",
        "        _records.setdefault(key, there)",
        "        pass",
        "When a context's last record ends, one that was opened meanwhile is lost.",
        "tests/schedules/test_regressions.py",
    ),
    Mutant(
        "writes",
        "oldest write is the culprit",
        "in reversed(self._writes[:]):",
        "in self._writes[:]:",
        "Of several writes of one value the first is named, not the last.",
        "tests/hazards/test_whose_write.py",
    ),
    Mutant(
        "writes",
        "submissions take each other's writes",
        "                _drop(self._unclaimed, write)\n",
        "",
        "A write is said to be made for the last submission that held the value, not the first.",
        "tests/schedules/test_regressions.py",
    ),
    Mutant(
        "writes",
        "the latest write alone is claimed",
        "in self._unclaimed[:]:",
        "in self._unclaimed[-1:]:",
        "Of two writes of an id, one that a worker has read is said to be of no submission.",
        "tests/schedules/test_regressions.py::test_every_write_of_a_row_s_id_is_claimed",
    ),
    Mutant(
        "writes",
        "newest writes dropped",
        "del writes[:limit]",
        "del writes[limit:]",
        "A full record drops the newest writes and keeps the oldest.",
        "tests/hazards/test_whose_write.py",
    ),
    Mutant(
        "writes",
        "own writes are nobody's",
        "lease.submission.number if lease is not None else None",
        "None",
        "What a worker wrote itself is taken for another's when it reads it back.",
        "tests/hazards/test_reads_and_writes_that_go_around.py",
    ),
    # -- detector
    Mutant(
        "detector",
        "any worker's write is one's own",
        "return write.by == lease.submission.number",
        "return write.by is not None",
        "What another row's worker wrote is taken for the reader's own.",
        "tests/hazards/test_whose_write.py",
    ),
    Mutant(
        "detector",
        "only the last own write",
        "own.get(self._fields.root_of(name), ())",
        "own.get(self._fields.root_of(name), ())[-1:]",
        "A worker that wrote two ids of its own and files the first is reported.",
        "tests/schedules/test_regressions.py",
    ),
    Mutant(
        "detector",
        "compared by identity",
        "if value is not ids[name] and not same(ids[name], value)",
        "if value is not ids[name]",
        "An equal id in another object is reported.",
        "tests/hazards/test_reads_and_writes_that_go_around.py::test_an_equal_string_written_again",
    ),
    Mutant(
        "detector",
        "None ignored",
        "if value is not ids[name] and not same(ids[name], value)",
        "if value is not None and not same(ids[name], value)",
        "A worker that finds no id where its row had one is not reported.",
        "tests/hazards/test_reads_and_writes_that_go_around.py",
    ),
    Mutant(
        "detector",
        "sides swapped",
        "expected={name: submission.ids[name] for name in observed},\n            observed=dict(observed),",
        "expected=dict(observed),\n            observed={name: submission.ids[name] for name in observed},",
        "The report names the wrong id as the right one.",
        "tests/unit/test_boundary_hand_off.py",
    ),
    Mutant(
        "detector",
        "the copy asked whether it moved",
        "kind.roots_of(lease.context)",
        "kind.roots_of(lease.handed)",
        "Whether the context has moved on is asked of the worker's copy, which never does.",
        "tests/unit/test_boundary_hand_off.py",
    ),
    Mutant(
        "findings",
        "told ids are news",
        "self.told | self.spared if prevented else self.told",
        "self.spared if prevented else set()",
        "A wrong id whose call was reported is reported again each time it is read.",
        "tests/hazards/test_told_once.py",
    ),
    Mutant(
        "findings",
        "spared ids are no news",
        "self.told | self.spared if prevented else self.told",
        "self.told | self.spared",
        "A wrong id that took effect is not reported if the worker had been spared it before.",
        "tests/schedules/test_regressions.py",
    ),
    Mutant(
        "detector",
        "culprit at report time",
        "lease.findings.source(name, value, prevented=prevented) or ",
        "",
        "The culprit is looked for when the mismatch is told: the same id may have been written again since.",
        "tests/schedules/test_regressions.py",
    ),
    Mutant(
        "detector",
        "outlived threads are judged",
        " or judged_lease() is not lease",
        "",
        "What a background thread reads after the row that started it has ended is reported.",
        "tests/unit/test_carry.py",
    ),
    Mutant(
        "detector",
        "only ids that were seen read",
        " and self._watched and is_borrowed(lease):",
        " and self._watched:",
        "A wrong call is believed only if its id was seen to be read off the context.",
        "tests/hazards/test_reads_and_writes_that_go_around.py",
    ),
    Mutant(
        "detector",
        "late reads never told",
        "if lease.ended:",
        "if lease.ended and lease.finished is None:",
        "A wrong read of a nested task that outlives its row is never told.",
        "tests/unit/test_carry.py",
    ),
    Mutant(
        "detector",
        "looked at again on the way out",
        "if not lease.finished:",
        "if not (lease.has_findings and lease.findings.moved_later):",
        "A context that goes on after the result was handed in is reported, though the row was done.",
        "tests/interleavings -k slow_to_return",
    ),
    Mutant(
        "detector",
        "ids of an earlier call",
        "noted.pop(threading.get_ident(), None)",
        "noted.get(threading.get_ident())",
        "A call is said to be torn because of ids that were taken for the one before it.",
        "tests/unit/test_torn.py",
    ),
    Mutant(
        "detector",
        "a mixture is not torn",
        "torn=torn or (filed is not None and _is_mixture(filed, culprit)),",
        "torn=torn,",
        "A call that is filed under ids of two submissions at once is not said to be torn.",
        "tests/interleavings -k a2",
    ),
    # -- calls
    Mutant(
        "calls",
        "strict raises after the record",
        "            raise HandoffMismatchError(blocked)",
        "            wrapped(*args, **kwargs)\n            raise HandoffMismatchError(blocked)",
        "Strict mode lets the wrong call be recorded before it raises.",
        "tests/unit/test_boundary_hand_off.py",
    ),
    Mutant(
        "calls",
        "a failed call was used",
        '"used" if error is None else "exposed"',
        '"used"',
        "A wrong id is said to have taken effect in a call that raised.",
        "tests/interleavings -k b5",
    ),
    Mutant(
        "calls",
        "calls of every boundary",
        "lease is None or lease.detector is not self.detector or",
        "lease is None or",
        "A call that two boundaries declare is judged twice.",
        "tests/unit/test_instrumentors.py",
    ),
    Mutant(
        "calls",
        "row not done at its result",
        "            detector.finish(lease)",
        "            pass",
        "A context that goes on while the worker returns from a row that is done is reported.",
        "tests/interleavings -k slow_to_return",
    ),
    Mutant(
        "calls",
        "right ids end it all",
        " or detector.judges_results_late(lease)",
        "",
        "Without watch, what a pinned worker was spared before a call or result is not told.",
        "tests/interleavings tests/unit/test_boundary_hand_off.py",
    ),
    # -- processor
    Mutant(
        "processor",
        "client spans of others",
        "scope is not None and scope.name == SCOPE",
        'span.kind.name == "CLIENT"',
        "An HTTP client's own span gets no ids.",
        "tests/unit/test_processor.py",
    ),
    Mutant(
        "processor",
        "current context",
        "_lease_of(parent_context)",
        "_lease_of(None)",
        "A span belongs to the row that is current, not to the one its parent belongs to.",
        "tests/unit/test_processor.py",
    ),
    Mutant(
        "processor",
        "overwritten",
        " if name not in there}",
        "}",
        "An id that somebody else put on a span is overwritten, and the mismatch with it.",
        "tests/unit/test_processor.py",
    ),
    Mutant(
        "processor",
        "outlived threads are tagged",
        " and not is_outlived(lease, context) else",
        " else",
        "Spans of a background thread carry the ids of a row that has ended.",
        "tests/unit/test_carry.py tests/unit/test_processor.py",
    ),
    Mutant(
        "findings",
        "supposed over what was seen",
        "self.sources.setdefault((prevented, name, key_of(value)), write)",
        "self.sources[prevented, name, key_of(value)] = write",
        "The culprit of a read is the write that was there when the row was done.",
        "tests/schedules/test_regressions.py tests/hazards tests/interleavings",
    ),
    # -- what leaves the process
    Mutant(
        "alerts",
        "reports with plain ids",
        "exported = mismatch.exported()",
        "exported = mismatch",
        "With hashed ids, events, log records and Python's log have them as they are.",
        "tests/privacy/test_hashed_ids.py",
    ),
    Mutant(
        "submission",
        "spans with plain ids",
        'f"{self.boundary}.{name}": self._hash(text)',
        'f"{self.boundary}.{name}": text',
        "With hashed ids, spans have them as they are.",
        "tests/privacy/test_hashed_ids.py",
    ),
    # -- alerts
    Mutant(
        "alerts",
        "only sampled rows",
        "            if span.is_recording():\n                mark(exported, span, facts)",
        "            if not span.is_recording():\n                return\n            mark(exported, span, facts)",
        "A mismatch of a row that is not sampled reaches neither logs nor hook.",
        "tests/unit/test_processor.py",
    ),
    Mutant(
        "alerts",
        "the latest stays on the span",
        "semconv.MISMATCH not in before or ",
        "True or ",
        "A warning overwrites the error that a span is marked with.",
        "tests/unit/test_alerts.py",
    ),
    Mutant(
        "alerts",
        "alike mismatches told in full",
        "if mismatch.occurrence == 1 else",
        "if mismatch.occurrence else",
        "Every one of a thousand alike mismatches is logged as a full report.",
        "tests/unit/test_alike.py",
    ),
)
