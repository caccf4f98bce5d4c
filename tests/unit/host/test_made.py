"""What is made of source: read as text for one boundary, found in tracebacks, and left where the host has changed."""

from __future__ import annotations

import asyncio
import copy
import inspect
import linecache
import pickle
import traceback
from collections.abc import Callable
from functools import partial
from types import FunctionType, MethodType
from typing import Any, NamedTuple

import pytest
import wrapt

from otel_handoff import HandoffInstrumentor
from otel_handoff.host.bound import can_be_made, is_bound, shown
from otel_handoff.host.contexts import ContextClasses
from otel_handoff.host.fields import Fields, is_fixed
from otel_handoff.host.made import made, source_of
from otel_handoff.host.standin import stand_in
from tests.hosts import WAIT, Context, Ledger, Order, Pool, boundary
from tests.telemetry import Telemetry

Instrument = Callable[[str], None]

SNAPSHOT = """\
def snapshot(context_):
    handed_ = new_(type(context_))
    values_ = handed_.__dict__
    values_.update(context_.__dict__)
    order__ = values_['order']
    attempt__ = values_['attempt']
    if order__.__class__ not in fixed_:
        raise unusual_
    roots_ = {'order': order__, 'attempt': attempt__}
    return handed_, roots_, {'order_id': order__.id, 'attempt': attempt__}, (*values_.values(),)
"""

SUBMIT = """\
def call(self, order, ctx, job):
    handing_ = begin_(self, ctx)
    if handing_ is None:
        return wrapper_(bound_(function_, self), self, (order, ctx, job), {})
    handed_ = handing_.contexts[1]
    handing_.given = parameters_, (order, handed_, job), {}
    try:
        set_(handing_)
        result_ = function_(self, order, handed_, job)
    except BaseException as error_:
        raised_(handing_, error_)
        raise
    finally:
        set_(None)
        left_ = ends_(handing_)
    return in_steps_(result_, handing_, *left_) if type(result_) in stepwise_ else result_
"""

WORK = """\
def call(self, order, ctx, job):
    row_, self = self
    try:
        running_ = begin_(row_, ctx)
        if running_ is not None:
            try:
                result_ = function_(self, order, ctx, job)
            except BaseException as error_:
                end_(row_, running_, error_)
                raise
            if result_ is not None and is_to_come_(result_):
                return goes_on_(row_, running_, result_)
            end_(row_, running_, None)
            return result_
    except BaseException:
        row_.close()
        raise
    return wrapper_(row_, bound_(function_, self), self, (order, ctx, job), {})
"""

CALL = """\
def call(self, order_id, text, attempt, latency_ms):
    lease_ = active_()
    if lease_ is not None and lease_.detector is detector_ and not lease_.ended and detector_.enabled \
and Lease_.provoker is None and lease_.span is no_span_:
        try:
            ids_ = lease_.ids
            right_ = order_id is ids_['order_id']
        except Exception as error_:
            pass_on_(error_)
            right_ = False
        if right_:
            declared_.seen = True
            return function_(self, order_id, text, attempt, latency_ms)
    return wrapper_(bound_(function_, self), self, (order_id, text, attempt, latency_ms), {})
"""

ANY = """\
def call(self, fn, /, *args, **kwargs):
    if active_() is None and (not under_way_ or takes_(submitting_(), fn)):
        return function_(self, fn, *args, **kwargs)
    return wrapper_(bound_(function_, self), self, (fn, *args), {**kwargs})
"""


@pytest.fixture
def instrument(telemetry: Telemetry) -> Instrument:
    """Instrument the pool."""

    def instrument(mode: str) -> None:
        HandoffInstrumentor().instrument(mode=mode, boundaries=[boundary()], **telemetry.options)

    return instrument


def of(context: Any, paths: dict[str, str], *, copies: bool = True) -> Any:
    """Return what takes the snapshot of a context that nothing watches."""
    assert is_fixed(Values)  # they were met
    assert is_fixed(Order)
    lost: Any = print
    return ContextClasses(Fields(paths), lambda _: "", lost, copies=copies).of(context).snapshot


def test_the_snapshot_of_a_context_as_text() -> None:
    """The copy, what each field starts at, and the ids: nothing else is done for a row."""
    snapshot = of(Context(), {"order_id": "order.id", "attempt": "attempt"})
    assert source_of(snapshot) == SNAPSHOT
    ctx = Context(order=Order("A"), attempt="1")
    handed, roots, ids, values = snapshot(ctx)
    assert handed == ctx
    assert handed is not ctx
    assert roots == {"order": Order("A"), "attempt": "1"}
    assert ids == {"order_id": "A", "attempt": "1"}
    assert values == (*vars(ctx).values(),)


class Values(NamedTuple):
    """What such a context has values in, which cannot be changed."""

    tenant: str
    order_id: str


class Odd:
    """A context whose attributes are called as the snapshot calls what it makes."""

    def __init__(self) -> None:
        self.handed = self.there = self.watched = self.new = self.unusual = self.context = "odd"
        self.values = Values("T", "another's")
        self.order_id = "A"


@pytest.mark.parametrize("copies", [True, False])
@pytest.mark.parametrize("root", ["handed", "there", "watched", "new", "unusual", "context", "values.tenant"])
def test_a_context_whose_attributes_are_called_as_ours(root: str, copies: bool) -> None:
    """Its worker is given a context all the same, and the ids are those of the row."""
    ctx = Odd()
    handed, roots, ids, values = of(ctx, {"odd": root, "order_id": "order_id"}, copies=copies)(ctx)
    assert type(handed) is Odd
    assert (handed is ctx) is not copies
    assert values == ((*vars(ctx).values(),) if copies else None)
    assert list(roots.values()) == [getattr(ctx, root.partition(".")[0]), "A"]
    assert ids == {"odd": "T" if "." in root else "odd", "order_id": "A"}


def test_what_watches_a_class_is_looked_for(instrument: Instrument) -> None:
    """In each row: a host may put something else in its place at any time."""
    instrument("pin")
    pool = Pool()
    pool.enqueue(Order("A"), Context(order=Order("A")), lambda _order, _ctx: None).result(WAIT)
    pool.close()
    [kind] = [kind for kind, _ in vars(Pool)["enqueue"]._self_wrapper.shared.kinds.met.values()]
    assert "if type(there_['order']) is not watched_ or type(there_['attempt']) is not watched_:" in source_of(
        kind.snapshot
    )


def test_the_functions_of_a_boundary_as_text(instrument: Instrument) -> None:
    """Each has the parameters of the host's, does what most rows need, and leaves all else to the wrapper."""
    found: list[Any] = []

    class Executor:
        """Keeps what it is given."""

        def submit(self, function: Any, *args: Any) -> Any:
            found.append((function, args))

    instrument("pin")
    pool: Any = Pool()
    assert shown(pool.enqueue) == SUBMIT
    assert shown(Ledger().post) == CALL
    assert shown(pool.executor.submit) == ANY
    pool.close()
    pool.executor = Executor()
    pool.enqueue(Order("A"), Context(order=Order("A")), by_id)
    [(work, args)] = found
    assert shown(work) == WORK
    assert work(*args) == "A"


class Many:
    """Functions with parameters of every kind."""

    def only(self, a: int, /, b: int = 2) -> Any:
        """Some by position only."""
        return a, b

    def keywords(self, *, a: int, b: int = 2) -> Any:
        """By name only."""
        return a, b

    def more(self, a: int, *more: int, b: int = 2, **rest: int) -> Any:
        """And whatever else."""
        return a, more, b, rest


CALLS: list[tuple[str, tuple[int, ...], dict[str, int]]] = [
    ("only", (1,), {}),
    ("only", (1, 3), {}),
    ("only", (1,), {"b": 3}),
    ("only", (), {}),
    ("only", (), {"a": 1}),
    ("keywords", (), {"a": 1}),
    ("keywords", (), {"b": 1}),
    ("keywords", (1,), {}),
    ("more", (1, 2, 3), {"b": 4, "c": 5}),
    ("more", (1,), {}),
    ("more", (), {"a": 1, "wrapped": 2, "instance": 3}),
]


@pytest.mark.parametrize(("name", "args", "kwargs"), CALLS)
def test_it_takes_what_the_function_takes(name: str, args: tuple[int, ...], kwargs: dict[str, int]) -> None:
    """And refuses what that refuses, in its words."""

    class Host(Many):
        pass

    def through(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
        return wrapped(*args, **kwargs)

    def answer(host: Any) -> Any:
        try:
            return getattr(host, name)(*args, **kwargs)
        except TypeError as error:
            return str(error)

    expected = answer(Many())
    setattr(Host, name, stand_in(vars(Many)[name], through))
    assert is_bound(getattr(Host(), name))
    assert answer(Host()) == expected


def counting(function: Any) -> tuple[Any, list[Any]]:
    """Return an object with a wrapped method `f`, and the calls that come through the wrapper."""
    seen: list[Any] = []

    def through(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
        seen.append(args)
        return wrapped(*args, **kwargs)

    host = type("Host", (), {"f": stand_in(function, through)})
    return host(), seen


def one(self: Any, a: int, b: int = 2) -> Any:
    """Return what it was given."""
    return a, b


def another(self: Any, a: int, b: int = 2, c: int = 3) -> Any:
    """Take one more."""
    return a, b, c


def named(self: Any, a: int, *, b: int) -> Any:
    """Take one by name."""
    return a, b


def by_id(order: Order, _ctx: Context) -> str:
    """Work on a row."""
    return order.id


def fresh() -> Any:
    """Return a function of this test's own."""
    return FunctionType(one.__code__, globals(), "one", one.__defaults__)


def test_a_function_that_others_change_goes_the_slow_way() -> None:
    """Its code, its defaults, an attribute of it, or what stands beneath the wrapper."""
    function = fresh()
    host, seen = counting(function)
    assert is_bound(host.f)
    function.__defaults__ = (5,)
    assert host.f(1) == (1, 5)
    function.__code__, function.__defaults__ = another.__code__, (2, 3)
    assert host.f(1, c=4) == (1, 2, 4)
    assert len(seen) == 2
    function.__code__, function.__kwdefaults__ = named.__code__, {"b": 6}
    host, seen = counting(function)
    function.__kwdefaults__ = {"b": 7}
    assert host.f(1) == (1, 7)
    assert len(seen) == 1
    function = fresh()
    host, seen = counting(function)
    cls: Any = host.__class__
    cls.f.flag = True
    assert host.f.flag is True
    assert not is_bound(host.f)
    host, seen = counting(fresh())
    cls = host.__class__
    vars(cls)["f"].__wrapped__ = another
    assert host.f(1, 2, 3) == (1, 2, 3)
    assert seen == [(1, 2, 3)]


class Timed(Pool):
    """Its work function takes something more, by default."""

    def enqueue(self, order: Order, ctx: Context, job: Any) -> Any:
        """Submit function."""
        return self.executor.submit(self._run, order, ctx, job)

    def _run(self, order: Order, ctx: Context, job: Any, times: int = 2) -> Any:
        return job(order, ctx), times

    def other(self, order: Order, ctx: Context, job: Any, *more: Any) -> Any:
        """Work in another way, which is given nothing more."""
        return job(order, ctx), more


def test_a_work_function_that_others_change_goes_the_slow_way() -> None:
    """The next row is worked on by what it is by then."""
    where, function = f"{__name__}:Timed", vars(Timed)["_run"]
    ours = boundary(submit=f"{where}.enqueue", work=f"{where}._run", calls=())
    HandoffInstrumentor().instrument(mode="observe", boundaries=[ours])
    pool, before = Timed(), (function.__code__, function.__defaults__)

    def result() -> Any:
        return pool.enqueue(Order("A"), Context(order=Order("A")), by_id).result(WAIT)

    try:
        assert result() == ("A", 2)
        function.__defaults__ = (5,)
        assert result() == ("A", 5)
        function.__code__ = vars(Timed)["other"].__code__
        function.__defaults__ = before[1]
        assert result() == ("A", ())
    finally:
        function.__code__, function.__defaults__ = before
        pool.close()
        HandoffInstrumentor().uninstrument()


def test_a_function_that_cannot_be_written_down() -> None:
    """With attributes, a name like ours, or none at all for its object."""
    decorated = fresh()
    decorated.attribute = 1
    names: dict[str, Any] = {}
    exec("def ours(self, wrapper_): pass\ndef umlaut(self, größe): pass\ndef none(*args): pass", names)
    for function in (decorated, names["ours"], names["umlaut"], names["none"], len, partial(one), Pool.enqueue.__get__):
        assert not can_be_made(function)


def test_to_everybody_who_asks_it_is_the_method(instrument: Instrument) -> None:
    """Its class, its attributes, equality, a partial of it, a copy; and on the class, wrapt's wrapper."""
    plain = Pool.enqueue
    instrument("pin")
    pool = Pool()
    found: Any = pool.enqueue
    assert is_bound(found)
    assert isinstance(found, MethodType)
    assert inspect.ismethod(found)
    assert found == pool.enqueue
    assert hash(found) == hash(pool.enqueue)
    assert found.__self__ is pool
    assert found.__func__ is plain
    assert (found.__name__, found.__qualname__, found.__module__) == ("enqueue", "Pool.enqueue", "tests.hosts")
    assert found.__doc__ == plain.__doc__
    assert inspect.signature(found) == inspect.signature(MethodType(plain, pool))
    assert copy.copy(found) is found
    assert repr(found) == repr(MethodType(plain, pool))
    with pytest.raises(AttributeError):
        setattr(found, "attribute", 1)  # noqa: B010
    again: Any = partial(found, Order("A"))
    assert again.func is found
    assert again(Context(), by_id).result(WAIT) == "A"
    assert isinstance(Pool.enqueue, wrapt.BoundFunctionWrapper)
    assert isinstance(vars(Pool)["enqueue"], wrapt.FunctionWrapper)
    assert vars(Pool)["enqueue"].__wrapped__ is plain
    pool.close()


def name_of(function: Any) -> str:
    """Return the name of a function, as many libraries do."""
    while isinstance(function, partial):
        function = function.func
    return function.__qualname__


async def waited(self: Any, a: int) -> int:
    """Return what it was given, later."""
    return a


def test_who_takes_it_for_a_partial_gets_the_method() -> None:
    """`isinstance` says that it is one: what it is a partial of is the method, called through us."""
    host, seen = counting(fresh())
    found: Any = host.f
    is_partial: Callable[[Any], bool] = lambda function: isinstance(function, partial)  # noqa: E731
    assert is_partial(found)
    assert name_of(found) == name_of(partial(found, 1)) == "one"
    assert (found.func == found, found.args, found.keywords) == (True, (), {})
    assert not is_partial(found.func)
    assert found.func(1) == (1, 2)
    assert found.__call__(3) == (3, 2)
    assert seen == [(1,), (3, 2)]
    loop = asyncio.new_event_loop()
    assert "one" in repr(loop.call_soon(found, 1))
    loop.close()
    host, _ = counting(waited)
    assert inspect.iscoroutinefunction(host.f)
    assert inspect.signature(host.f) == inspect.signature(MethodType(waited, host))


@pytest.mark.parametrize("given", [(), (1, 2, 3, 4, 5)])
def test_a_work_function_is_refused_in_the_words_of_the_host(
    given: tuple[int, ...], instrument: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is called with too few arguments, or too many, where it was looked up for a row."""

    def at_once(work: Callable[..., Any], *_: Any) -> Any:
        return work(*given)

    def refusal() -> str:
        pool = Pool()
        monkeypatch.setattr(pool.executor, "submit", at_once)
        with pytest.raises(TypeError) as caught:
            pool.enqueue(Order("A"), Context(order=Order("A")), by_id)
        pool.close()
        return str(caught.value)

    expected = refusal()
    instrument("pin")
    assert refusal() == expected


def test_a_traceback_shows_its_lines(instrument: Instrument, telemetry: Telemetry) -> None:
    """Where an error of the host's comes through it; and no report has it among the host's places."""
    instrument("observe")
    pool, ctx = Pool(), Context(order=Order("A"))
    pool.executor.shutdown()
    with pytest.raises(RuntimeError) as caught:
        pool.enqueue(Order("A"), ctx, lambda _order, _ctx: None)
    lines = [frame.line for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert "result_ = function_(self, order, handed_, job)" in lines or SUBMIT.splitlines()[3].strip() in lines
    assert telemetry.mismatches == []


def test_source_that_cannot_be_read_is_none() -> None:
    """Of what was not made here there is none; and what is made is kept for tracebacks."""
    assert source_of(one) == ""
    function = made("a test", "def f():\n    return 1\n", {})
    assert function() == 1
    assert linecache.getline(function.__code__.co_filename, 2) == "    return 1\n"
    with pytest.raises(SyntaxError):
        made("a test", "def f(class): pass\n", {})


def test_what_is_pickled_is_the_method() -> None:
    """By its name, as without us."""
    pool = Many()
    assert pickle.dumps(MethodType(Many.only, pool)) == pickle.dumps(pool.only)
