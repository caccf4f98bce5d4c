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
        "declare as work the function that is really run, and give it what the submit function was given; turn "
        "otel-handoff on before that function is put into a registry; if the host itself cancelled the row, nothing "
        "is amiss",
    ),
    "no_submission": Reason(
        "the work function ran, and it is not known for which row",
        "declare as submit what hands these rows over, and give the work function the same objects",
    ),
    "not_handed_over": Reason(
        "the work function ran on other threads, and nothing was seen to hand it over",
        "declare as submit what hands these rows over; if it is only called in its place, nothing is amiss",
        worked=True,
    ),
    "ambiguous": Reason(
        "rows that waited were given the very same objects, and cannot be told apart",
        "give both functions an object of each row's own, such as mode pin's copy; if the work function takes it "
        "under another name, declare Boundary(pins='copy')",
    ),
    "nothing_declared": Reason(
        "its boundary names no ids: the trace is carried, and nothing is compared",
        "if a row has an id that could be wrong, name it in Boundary(ids=...) or Boundary(fields=...)",
        worked=True,
    ),
    "field_unresolved": Reason(
        "a declared field is not there, or came from another process hashed with another key",
        "correct its path in the declaration; with OTEL_HANDOFF_IDS=hashed, give both processes the same "
        "OTEL_HANDOFF_IDS_KEY",
        worked=True,
    ),
    "field_computed": Reason(
        "a field is computed when it is read, and is not read for this",
        "declare the attribute that it is computed from",
        worked=True,
    ),
    "context_unreadable": Reason(
        "the context was not among the arguments, could not be read, or was replaced by one with other ids",
        "name in Boundary(context=...) the parameter that takes it, and hand over the context that was submitted",
    ),
    "unplaced_write": Reason(
        "its submit function wrote an id, perhaps before it handed the row over, perhaps after",
        "write ids before the context is given to anybody, or name in Boundary(pools=[...]) what the row is given to",
        worked=True,
    ),
    "call_not_seen": Reason(
        "a declared call was not seen in a row: what it filed was not compared",
        "have Call(target=...) name the function that is called while a row is worked on",
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
        "the work goes on in a future, a task or another awaitable, which is not followed as a coroutine is",
        "declare as work the function that does it: a coroutine, a generator or a plain one",
    ),
    "other_process": Reason(
        "its work went to another process, where it is not followed",
        "compare what is filed there with what was handed over, by other means",
    ),
    "slip_unread": Reason(
        "what came with its work from another process is no slip that can be read",
        "give both sides the same boundary and version of otel-handoff; upgrade the receiving one first",
    ),
    "no_slip": Reason(
        "its work came from another process without a slip: otel-handoff, or OTEL_HANDOFF_REMOTE, is off there",
        "turn otel-handoff on, with the same boundary, where these rows are handed over",
    ),
    "several_workers": Reason(
        "more workers ran than were seen handed over, and nothing tells whether for the same row",
        "declare as submit the function that hands over to each, and give both functions an object of each row's own",
        worked=True,
    ),
    "one_context": Reason(
        "its worker holds several rows that share one context: what it reads there is right for one at most",
        "give each item its own context, or its own ids, named in Boundary(ids=...)",
        worked=True,
    ),
    "no_id": Reason(
        "its worker met an id, but neither this row nor any before it had one when it was handed over",
        "name as submit what hands over each row once its ids are set; or say with Boundary(ids=...) which it is",
        worked=True,
    ),
    "left_on_copy": Reason(
        "the worker left something, such as another id, on its own copy of the context: the submitter does not get it",
        "have it return that, or declare Boundary(pins='read'): then all see what it writes",
        worked=True,
    ),
    "unseen_read": Reason(
        "something that its work began, and that outlived it, read the context: nobody knows for which row",
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
