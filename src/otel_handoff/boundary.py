"""Where work changes hands: the declaration that everything else is built from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from otel_handoff.host.paths import of_one, parse, parts, place_of
from otel_handoff.host.suggest import nearest

_NAME = re.compile(r"[a-z][a-z0-9_.]*")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_ENGINES = {
    "celery": re.compile(r"celery:[\w.*?-]+"),
    "ray": re.compile(r"ray:[\w.*?]+"),
    "message": re.compile(rf"message:{_TARGET.pattern}"),
}
_MEANT = {
    "celery": "'celery:' and the name of a task, as 'celery:shop.tasks.bill'",
    "ray": "'ray:' and a task's module and name, as 'ray:shop.bill', or an actor's method, as 'ray:shop.Desk.bill'",
    "message": "'message:' and the function that works on what a message brought, as 'message:shop.desk:bill'",
}
_HANDS_OVER = {
    "celery": "a Celery task is handed over by what Celery has for it",
    "ray": "a task of Ray's is handed over by what Ray has for it",
    "message": "a message is worked on where it came to",
}
_OF_THREADS = ("takes", "emission", "evict", "pools")
_QUEUES = ("queue", "asyncio", "asyncio.queues", "multiprocessing", "multiprocessing.queues", "anyio.streams.memory")


@dataclass(frozen=True)
class Call:
    """A function that files something under ids while a row is worked on.

    Args:
        target: `"module:Class.method"` or `"module:function"`.
        ids: field name -> the parameter of the target that carries it, or a path that starts there (`"state_id"`,
            `"headers[X-Request-ID]"`), at its object (`"self.tenant"`), or at what it returns (`"result.tenant"`). The
            latter is compared when it has returned, and what was filed is filed by then: in mode `strict` it raises
            then.
        attributes: span attribute name -> parameter or path; set on the call's span and told in a mismatch.
        latency_ms: the parameter that tells how long the call took, in milliseconds. The span then starts that much
            earlier.
        evidence: `"call"` for an external call, which becomes a span, `"result"` for a result that is routed
            under the ids, `"read"` for what takes ids without filing anything: a call index, say. The call that
            follows is torn where it is filed under others.
        elsewhere: where other versions of the host have the same function, or one that passes on to it. Of `target`
            and these the first that is there is wrapped, and no other: a record that goes through two is one.
        optional: whether a run may rightly make no such call. That one is never seen is then not told.

    Raises:
        ValueError: a target or path that cannot be read, or an unknown evidence.
    """

    target: str
    ids: Mapping[str, str]
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    latency_ms: str | None = None
    evidence: str = "call"
    elsewhere: Sequence[str] = ()
    optional: bool = False

    def __post_init__(self) -> None:
        _check_target(self.target, "Call.target")
        if isinstance(self.elsewhere, str):  # in a file, one is easily written for several
            raise ValueError(f"Call {self.target!r}: elsewhere is a list, as [{self.elsewhere!r}]")  # noqa: TRY004
        if self.optional not in (True, False):
            raise ValueError(f"Call {self.target!r}: optional is true or false, not {self.optional!r}")
        for target in self.elsewhere:
            _check_target(target, f"Call {self.target!r}: elsewhere")
        if len(set(self.targets)) < len(self.targets):
            raise ValueError(f"Call {self.target!r}: elsewhere names a place twice")
        for what, paths in (("ids", self.ids), ("attributes", self.attributes)):
            for name, path in paths.items():
                _check(of_one, path, f"Call {self.target!r}: {what}[{name!r}]")
        if self.evidence not in ("call", "result", "read"):
            raise ValueError(f"Call {self.target!r}: evidence is 'call', 'result' or 'read', not {self.evidence!r}")

    @property
    def targets(self) -> tuple[str, ...]:
        """Every place it may be at, the most preferred first."""
        return (self.target, *self.elsewhere)


@dataclass(frozen=True)
class Emission:
    """How results leave where a thread of the host's own emits them, one after the other.

    The workers hand in what is to be emitted; that thread takes it out again, and emits it under the ids that it holds.

    Args:
        complete: the function by which a worker hands it in, and the parameter that takes it
            (`"module:Buffer.complete"`, `result`).
        release: the function that takes the next one out, and the path to it on what that returns; a method of the same
            object.
        emit: the function that emits, and the ids that it is given.
        parts: parameter of `emit` -> path to what belongs there, on what was handed in (`{"state_id": "2"}`).

    Raises:
        ValueError: a target or path that cannot be read.
    """

    complete: str
    release: str
    emit: Call
    parts: Mapping[str, str]
    result: str = "result"
    released: str = "result"

    def __post_init__(self) -> None:
        _check_target(self.complete, "Emission.complete")
        _check_target(self.release, "Emission.release")
        for path in (self.result, self.released, *self.parts, *self.parts.values()):
            _check(parts, path, f"Emission of {self.emit.target!r}")


@dataclass(frozen=True)
class Boundary:
    """A place where a row and a context object go from one thread to another.

    Args:
        name: prefix of the ids' attributes (`<name>.<field>`); lower case, digits, `_` and `.`.
        submit: the function that hands over, `"module:Class.method"` or `"module:function"`. Where there is none of the
            host's own, as in `pool.submit(work, ctx)`, leave it out: however `work` gets to its thread or task, as a
            pool's, a thread's or a loop's, that is the hand-over.
        work: the function that does the work, on another thread. A Celery task is `"celery:shop.tasks.bill"`, by its
            name; a task of Ray's is `"ray:shop.bill"`, a method of an actor `"ray:shop.Desk.bill"`; in these `*` stands
            for anything. In another process, which `submit` sends a message to, it is `"message:shop.desk:bill"`.
        context: where the object is that they share: the parameter of both that takes it, or a path that starts at a
            parameter of the submit function (`"self.client"`, `"job.ctx"`, `"args.0"`), or in a module
            (`"app.state:client.session"`). The work function may have another name for it. Of several such objects, a
            list: each field then starts at one of them (`["ctx", "self.client"]`, `{"tenant": "self.client.tenant"}`);
            they are shared, and pinned at the read.
        fields: field name -> path on the context (`{"token_id": "token.token_id"}`). Without any, and without `ids`,
            the trace is carried to the workers, and nothing is compared.
        ids: field name -> path from a parameter of the submit function, or else of the work function
            (`{"tenant": "job.tenant"}`): which row this is, where the context does not say so itself, or is only what
            the workers change. It may name more than `fields` does: then only calls are compared with it. Where a batch
            of rows is handed over, of each (`{"order": "rows.*.id", "tenant": "rows.*.tenant"}`): a call is compared
            with the row that it names, by the first of these.
        calls: what is recorded and routed under the ids while working.
        pools: nested submit functions: a callable that is given to one of them runs under the same submission.
            `ThreadPoolExecutor.submit` and `threading.Thread` need not be named.
        aliases: field name -> names under which others put it on their spans.
        row: the field that stays the same when a row is tried again; a newer submission with the same value
            supersedes the older one, whose work is then stale.
        evict: the function that gives a submission up, and the parameters that say which.
        emission: how results leave, where a thread of the host's own emits them.
        pins: how, in mode `pin`, a worker is given what was submitted. `"copy"`: it has a copy of the context.
            `"read"`: it shares the context, and is given what was submitted where it reads a field of it; what it
            writes is stored as always. None: a copy where there can be one, and at the read elsewhere. What lies on the
            way to an id, in an inner object, dict or list, is pinned with it. `"ids"`: as None, and where rows are read
            ahead, and what is shared has another's id by then, a worker reads the one that `ids` say. It is not for
            workers that look whose the shared object is, to switch it over where it is not theirs.
        takes: where `work` is a loop that takes items off a queue and does the work itself, what it takes them with:
            `"queue:Queue.get"`, `"asyncio:Queue.get"`, `"anyio.streams.memory:MemoryObjectReceiveStream.receive"`; in
            another process, `"multiprocessing:Queue.get"`. `context` is then a place on the item (`"item"`, `"item.1"`,
            `"item.ctx"`). For a queue of the host's own, `submit` is what puts an item in. A row lasts from there to
            `task_done`, the next item, or the loop's end.
        batch: whether that loop takes several items before it works on them. They are its rows together, from the first
            until it takes the next after something was filed, or said to be done; a call is compared with the row that
            it names, and is wrong if it names none of them.
        contextvars: whether, in mode `pin`, the worker runs in a copy of the ContextVars of its hand-over. Of a
            coroutine that is the making, and not the running.

    Raises:
        ValueError: a declaration that cannot be meant, in one sentence that says what to change.
    """

    name: str
    submit: str | None = None
    work: str = ""
    context: str | Sequence[str] = "ctx"
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    calls: Sequence[Call] = ()
    pools: Sequence[str] = ()
    aliases: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    row: str | None = None
    evict: Call | None = None
    emission: Emission | None = None
    pins: str | None = None
    takes: str | None = None
    ids: Mapping[str, str] = field(default_factory=dict[str, str])
    contextvars: bool = False
    batch: bool = False

    def __post_init__(self) -> None:
        where = f"Boundary {self.name!r}"
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{where}: a name is lower-case letters, digits, '_' and '.', and starts with a letter")
        if self.submit is not None:
            _check_target(self.submit, f"{where}: submit")
        if not self.work:
            raise ValueError(f"{where}: work is missing; name the function that does the work, as 'module:function'")
        if self.engine:
            _check_engine(self, where)
        else:
            _check_target(self.work, f"{where}: work")
        for target in self.pools:
            _check_target(target, f"{where}: pools")
        for taken in ("thread", "handoff"):
            if self.name == taken or self.name.startswith(f"{taken}."):
                raise ValueError(f"{where}: '{taken}.*' means something else; choose another name")
        if self.pins not in (None, "copy", "read", "ids"):
            raise ValueError(f"{where}: pins is 'copy', 'read' or 'ids', not {self.pins!r}")
        if self.pins == "ids" and not any(name in self.fields for name in self.ids):
            raise ValueError(
                f"{where}: pins='ids' needs ids, which say what a worker is to read in a field of the same name"
            )
        for place in self.places:
            _check(of_one, place, f"{where}: context")
        if self.takes is not None:
            _check_takes(self, where)
        for name, path in self.fields.items():
            _check(parts if len(self.places) == 1 else of_one, path, f"{where}: fields[{name!r}]")
        if len(self.places) != 1:
            _check_several(self, where)
        if self.batch not in (True, False):
            raise ValueError(f"{where}: batch is true or false, not {self.batch!r}")
        if self.batch and self.takes is None:
            raise ValueError(
                f"{where}: batch is of a loop that takes items: name what it takes them with as takes; where one call "
                "has several rows, as ids of each: 'rows.*.id'"
            )
        if self.contextvars not in (True, False):
            raise ValueError(f"{where}: contextvars is true or false, not {self.contextvars!r}")
        for name, path in self.ids.items():
            _check(parse, path, f"{where}: ids[{name!r}]")
        named = [*self.aliases, *([self.row] if self.row else [])]
        emitted = [self.emission.emit] if self.emission else []
        for call in (*self.calls, *([self.evict] if self.evict else []), *emitted):
            named.extend(call.ids)
        for name in named:
            if name not in self.names:
                known = f"its fields are {', '.join(self.names)}" if self.names else "it names none"
                raise ValueError(f"{where}: unknown field {name!r}; {known}.{nearest(name, self.names)}")

    @classmethod
    def from_mapping(cls, options: Mapping[str, Any]) -> Boundary:
        """Build a boundary from plain data, as a configuration file holds it.

        Raises:
            ValueError: an option that is missing, unknown or cannot be meant.
        """
        try:
            given = dict(options)
            given["calls"] = [Call(**call) for call in given.get("calls", ())]
            if given.get("evict") is not None:
                given["evict"] = Call(**given["evict"])
            if given.get("emission") is not None:
                emission: dict[str, Any] = dict(given["emission"])
                given["emission"] = Emission(emit=Call(**emission.pop("emit")), **emission)
            return cls(**given)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"boundary {dict(options)!r}: {error}") from None

    @property
    def places(self) -> tuple[str, ...]:
        """Where each of the objects is that are shared."""
        return (self.context,) if isinstance(self.context, str) else tuple(self.context)

    @property
    def place(self) -> str:
        """Where what is shared is, for people; a path where it is one object."""
        return " and ".join(self.places)

    @property
    def engine(self) -> str:
        """What takes the work to another process: `celery`, `ray` or `message`; empty for what is handed over here."""
        if self.work.startswith("message:"):  # a module may be called so
            return "message" if self.work.count(":") == 2 else ""
        return next((engine for engine in ("celery", "ray") if self.work.startswith(f"{engine}:")), "")

    @property
    def work_target(self) -> str:
        """The work function, as `"module:function"`, or what its engine calls it."""
        return self.work.removeprefix("message:")

    @property
    def hands_over(self) -> str:
        """The function that hands over; without one of the host's own, the work function, however that gets away."""
        return self.submit or self.work

    @property
    def names(self) -> tuple[str, ...]:
        """What a row's ids are called: its fields, and those that `ids` has besides."""
        return tuple(dict.fromkeys((*self.fields, *self.ids)))

    def attribute(self, field_name: str) -> str:
        """Return the attribute under which a field stands on spans: `<boundary>.<field>`."""
        return f"{self.name}.{field_name}"


def _check_target(target: str, what: str) -> None:
    if not _TARGET.fullmatch(target):
        raise ValueError(f"{what}: write 'module:Class.method' or 'module:function', not {target!r}")


def _check_engine(boundary: Boundary, where: str) -> None:
    engine = boundary.engine
    if not _ENGINES[engine].fullmatch(boundary.work):
        raise ValueError(f"{where}: work: write {_MEANT[engine]}")
    if len(boundary.places) > 1:
        raise ValueError(f"{where}: context: of what is sent, one is compared: name that, not a list")
    if engine == "message" and boundary.submit is None:
        raise ValueError(f"{where}: submit is missing; name the function that sends the message")
    for name in _OF_THREADS if engine == "message" else ("submit", *_OF_THREADS):
        if getattr(boundary, name):
            raise ValueError(f"{where}: {name} is of threads; {_HANDS_OVER[engine]}")


def _check_takes(boundary: Boundary, where: str) -> None:
    takes = str(boundary.takes)
    _check_target(takes, f"{where}: takes")
    if len(boundary.places) == 1 and parse(boundary.place).root != "item":
        raise ValueError(f"{where}: with takes, context is a place on the item, as 'item.1', not {boundary.context!r}")
    for name, path in boundary.ids.items():
        start, (root, *_) = parse(path)
        if not start and root != "item":
            raise ValueError(
                f"{where}: ids[{name!r}]: with takes, write a place on the item, as 'item.id', not {path!r}"
            )
    module, _, path = takes.partition(":")
    if path.startswith("SimpleQueue."):
        raise ValueError(f"{where}: a SimpleQueue cannot be seen into; name what calls it, and what puts as submit")
    if boundary.submit is None and module not in _QUEUES:
        raise ValueError(f"{where}: submit is missing; name what puts an item where {takes} takes it")


def _check_several(boundary: Boundary, where: str) -> None:
    places = boundary.places
    if not places:
        raise ValueError(f"{where}: context is empty: name what is shared, or leave it out")
    if boundary.takes is not None:
        raise ValueError(f"{where}: with takes, context is one place on the item, not {list(places)!r}")
    for name, path in boundary.fields.items():
        if place_of(path, places) is None:
            near = nearest(parse(path).root, [parse(place).root for place in places])
            hint = near or f" Did you mean '{places[0]}.{path}'?"
            known = ", ".join(map(repr, places))
            raise ValueError(f"{where}: fields[{name!r}]: {path!r} starts at none of {known}, which are shared.{hint}")


def _check(read: Callable[[str], object], path: str, where: str) -> None:
    try:
        read(path)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
