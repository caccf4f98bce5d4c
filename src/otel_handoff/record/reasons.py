"""Why a row was not judged, as the attribute `handoff.unchecked.reason` has it, for people."""

from __future__ import annotations

from typing import Final, NamedTuple


class Reason(NamedTuple):
    """What a reason means, and what to do about it.

    Attributes:
        meaning: why.
        advice: what to do.
        worked: whether a worker was seen at such a row: then its span is among those of rows.
    """

    meaning: str
    advice: str
    worked: bool = False


REASONS: Final = {
    "no_worker": Reason(
        "no worker was recognised before the row was dropped or the process ended",
        "declare as work the function that is really run, and have it given what the submit function was given; turn "
        "otel-handoff on before that function is put into a registry, say; of a row that the host itself has cancelled "
        "nothing is amiss",
    ),
    "no_submission": Reason(
        "the work function ran, and it is not known for which row",
        "declare as submit what hands these rows over, and have the work function given the same objects",
    ),
    "not_handed_over": Reason(
        "the work function was called on other threads, and nothing was seen to hand it over there",
        "declare as submit what hands these rows over; where it is only called in its place, nothing is amiss",
        worked=True,
    ),
    "ambiguous": Reason(
        "rows that waited were given the very same objects, and could not be told apart",
        "give both functions an object of each row's own, as a copy in mode pin is; where the work function takes what "
        "was submitted under another name, declare Boundary(pins='copy')",
    ),
    "nothing_declared": Reason(
        "its boundary names no ids: the trace is carried, and nothing is compared",
        "name in Boundary(ids=...) or Boundary(fields=...) which row it is, if it has an id that could be wrong",
        worked=True,
    ),
    "field_unresolved": Reason(
        "a declared field is not there, or it came from another process as a hash of another key",
        "correct its path in the declaration; of a row from another process with OTEL_HANDOFF_IDS=hashed, give both "
        "the same OTEL_HANDOFF_IDS_KEY",
        worked=True,
    ),
    "field_computed": Reason(
        "a field is computed when it is read, which is not done for this",
        "declare the attribute that it is computed from",
        worked=True,
    ),
    "context_unreadable": Reason(
        "the context was not among the arguments, could not be read, or was replaced by another with other ids",
        "name in Boundary(context=...) the parameter that takes it, and hand over the context that was submitted",
    ),
    "unplaced_write": Reason(
        "its submit function wrote an id, and it is not known whether it had handed the row over by then",
        "write ids before the context is given to anybody, or name in Boundary(pools=[...]) what the row is given to",
        worked=True,
    ),
    "call_not_seen": Reason(
        "a declared call was not seen in a row: what it filed was not compared",
        "see whether Call(target=...) names the function that is called while a row is worked on, as it is called",
        worked=True,
    ),
    "part_missing": Reason(
        "a declared part of the host is not there, though others are",
        "declare what this version of the host has; otel-handoff doctor names the part",
        worked=True,
    ),
    "replaced": Reason(
        "a function of the host, or a field's attribute on the class, was replaced or overridden after it was wrapped",
        "turn otel-handoff on after whatever replaces it, or declare what it is replaced by",
    ),
    "not_followed": Reason(
        "the work goes on in a future, a task or another awaitable, whose life is not followed as a coroutine's is",
        "declare as work the function that does it, be it a coroutine, a generator or a plain one",
    ),
    "other_process": Reason(
        "its work went to another process, into which it is not followed",
        "compare by other means what is filed there with what was handed over",
    ),
    "slip_unread": Reason(
        "what came with its work from another process is no slip that can be read here",
        "see that both sides have the same boundary and the same version of otel-handoff, the receiving one first",
    ),
    "no_slip": Reason(
        "its work came from another process without a slip: otel-handoff, or OTEL_HANDOFF_REMOTE, is off there",
        "turn otel-handoff on, with the same boundary, where these rows are handed over",
    ),
    "several_workers": Reason(
        "one more worker ran than is known of a hand-over, and nothing tells whether it was for the same row",
        "declare as submit the function that hands over to each, and give both functions an object of each row's own",
        worked=True,
    ),
    "one_context": Reason(
        "its worker holds several rows together that share one context: what it reads there is one row's at most",
        "give each item a context of its own, or an item that has its ids, and name these in Boundary(ids=...)",
        worked=True,
    ),
    "no_id": Reason(
        "its worker met an id, and it had none when it was handed over, nor had any before: nothing says which it is",
        "name as submit what hands over each row, once its ids are set; or say with Boundary(ids=...) which it is",
        worked=True,
    ),
    "left_on_copy": Reason(
        "the worker left something on its own copy of the context that the submitter does not get, such as another id",
        "have it return that, or declare Boundary(pins='read'): then what it writes is where all see it",
        worked=True,
    ),
    "unseen_read": Reason(
        "its context was read by something that it had begun and that outlived it: nobody knows for which row",
        "read the ids in the work function itself, and pass on what was read",
        worked=True,
    ),
    "internal_error": Reason(
        "an error of otel-handoff's own kept it from being judged",
        "report the error that was logged; the pipeline is not affected",
    ),
}
"""The reasons, in the order in which they are told about."""

WORKED: Final = frozenset(name for name, reason in REASONS.items() if reason.worked)
