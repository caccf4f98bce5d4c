"""The context object stays what it was while its fields are watched, and is exactly as before afterwards."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import gc
import inspect
import operator
import pickle
import sys
import types
import typing
import weakref
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

from otel_handoff import HandoffInstrumentor
from otel_handoff.watch.descriptors import Watch
from tests.hazards.conftest import Instrument
from tests.hazards.rows import overtake
from tests.hazards.twins import (
    FLAVOURS,
    MODES,
    Operation,
    assert_restored,
    assert_unchanged,
    is_watched,
    make,
    outcome,
    own,
)
from tests.hosts import WAIT, Context, Order, Pool
from tests.telemetry import Telemetry

Check = Callable[[Operation], None]


@pytest.fixture(params=FLAVOURS)
def flavour(request: pytest.FixtureRequest) -> str:
    """Every way of keeping a field that a class has."""
    return request.param


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """The worker gets the context itself, or its own copy."""
    return request.param


@pytest.fixture
def unchanged(flavour: str, mode: str, telemetry: Telemetry) -> Check:
    """Assert that an operation gives what it gives on a class that nobody watches."""

    def check(operation: Operation) -> None:
        assert_unchanged(flavour, mode, telemetry, operation)

    return check


def state(ctx: Any) -> Any:
    """All that can be read off a context."""
    names = ("order", "attempt", "_order", "_first", "shared", "absent")
    return [outcome(lambda _cls, ctx, name=name: getattr(ctx, name), type(ctx), ctx) for name in names]


# -- copies


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(protocol: int, unchanged: Check) -> None:
    """The bytes are the same ones, and so is what comes back."""

    def operation(_cls: Any, ctx: Any) -> Any:
        data = pickle.dumps(ctx, protocol)
        return data, state(pickle.loads(data))

    unchanged(operation)


@pytest.mark.parametrize("mode", MODES)
def test_pickle_across_instrumentation(flavour: str, mode: str, instrument: Instrument) -> None:
    """What was pickled while watched loads where it is not, and the other way round."""
    cls = make(flavour)
    ctx = cls(order=Order("A"))
    assert ctx.order == Order("A")  # a cached property is looked up by now
    before = pickle.dumps(ctx)
    instrument(mode)
    pool = Pool()
    watched = pool.enqueue(Order("A"), ctx, lambda _order, ctx: pickle.dumps(ctx)).result(WAIT)
    pool.close()
    assert is_watched(cls) or flavour == "delegating"
    assert state(pickle.loads(before)) == state(ctx)
    HandoffInstrumentor().uninstrument()
    assert watched == before
    assert state(pickle.loads(watched)) == state(ctx)


def test_copy(unchanged: Check) -> None:
    """A shallow copy is of the same class and shares what hangs on it."""

    def operation(cls: Any, ctx: Any) -> Any:
        copied = copy.copy(ctx)
        same = [
            outcome(lambda _cls, ctx, copied=copied, n=name: getattr(copied, n) is getattr(ctx, n), cls, ctx)
            for name in ("order", "attempt", "shared")
        ]
        return type(copied) is cls, copied is ctx, state(copied), same

    unchanged(operation)


def test_deepcopy(unchanged: Check) -> None:
    """A deep copy shares nothing."""

    def operation(cls: Any, ctx: Any) -> Any:
        copied = copy.deepcopy(ctx)
        return type(copied) is cls, copied.order is ctx.order, state(copied)

    unchanged(operation)


def test_dataclasses_replace(unchanged: Check) -> None:
    """`replace` makes another one, with what was not named taken over."""
    unchanged(lambda _cls, ctx: state(dataclasses.replace(ctx, attempt="2")))


def test_dataclasses_asdict(unchanged: Check) -> None:
    """`asdict` and `astuple` go all the way down."""
    unchanged(lambda _cls, ctx: (dataclasses.asdict(ctx), dataclasses.astuple(ctx)))


def test_dataclasses_fields(unchanged: Check) -> None:
    """`fields` of class and instance, defaults included."""
    unchanged(
        lambda cls, ctx: [
            (f.name, f.type, f.default is dataclasses.MISSING, repr(f.default), f.init, f.compare, f.repr)
            for f in (*dataclasses.fields(cls), *dataclasses.fields(ctx))
        ]
    )


# -- identity and looks


def test_equality_both_ways(unchanged: Check) -> None:
    """Equal ones are equal, others are not, whichever side is asked; and so with the hash."""

    def operation(cls: Any, ctx: Any) -> Any:
        alike, other = cls(order=Order("A")), cls(order=Order("B"))
        return (
            [ctx == alike, alike == ctx, ctx == other, other == ctx, ctx != alike, alike != ctx],
            [ctx == 1, ctx == mock.ANY, operator.eq(mock.ANY, ctx)],
            outcome(lambda _cls, ctx: hash(ctx) == hash(alike), cls, ctx),
        )

    unchanged(operation)


def test_repr(unchanged: Check) -> None:
    """`repr`, `str`, and format."""
    unchanged(lambda _cls, ctx: f"{ctx!r} {ctx} {ctx!s}")


def test_isinstance_and_type(unchanged: Check) -> None:
    """The class is the class, and its bases and name are what they were."""
    unchanged(
        lambda cls, ctx: [
            isinstance(ctx, cls),
            type(ctx) is cls,
            ctx.__class__ is cls,
            [base.__name__ for base in cls.__mro__],
            cls.__name__,
            type(cls),
            callable(ctx),
        ]
    )


def test_vars(unchanged: Check) -> None:
    """The instance's own attributes, in their order."""
    unchanged(lambda _cls, ctx: list(own(ctx).items()))


def test_dir_of_an_instance(unchanged: Check) -> None:
    """Nothing shows on an instance that was not there."""
    # A class has all names of `order` or `attempt` here that an instance without them has not: see the blind one below.
    unchanged(lambda _cls, ctx: sorted({*dir(ctx)} - {"attempt", "order"}))


def test_blind_dir_of_the_class(instrument: Instrument) -> None:
    """Where the class has no default, `dir` of the class names the field while it is watched; asking for it fails."""
    cls = make("plain")
    assert "order" not in dir(cls)
    instrument()
    pool = Pool()
    pool.enqueue(Order("A"), cls(order=Order("A")), lambda _order, _ctx: None).result(WAIT)
    pool.close()
    assert "order" in dir(cls)
    assert not hasattr(cls, "order")
    HandoffInstrumentor().uninstrument()
    assert "order" not in dir(cls)


def test_inspect_signature(unchanged: Check) -> None:
    """Of the class, of its `__init__`, and of what its methods are."""
    unchanged(
        lambda cls, _ctx: [str(inspect.signature(cls)), str(inspect.signature(cls.__init__)), inspect.getdoc(cls)]
    )


def test_type_hints(unchanged: Check) -> None:
    """The annotations and what they resolve to."""

    def operation(cls: Any, _ctx: Any) -> Any:
        return typing.get_type_hints(cls), own(cls).get("__annotations__"), typing.get_type_hints(cls.__init__)

    unchanged(operation)


# -- dispatch


def test_pattern_matching(unchanged: Check) -> None:
    """By keyword and by position, matching and not."""

    def by_keyword(cls: Any, ctx: Any) -> Any:
        match ctx:
            case cls(order=Order(id="B")):
                return "B"
            case cls(order=Order(id=number), attempt=attempt):  # pyright: ignore[reportUnknownVariableType]
                return number, attempt
            case cls():
                return "neither"
            case _:
                return "other"

    def by_position(cls: Any, ctx: Any) -> Any:
        match ctx:
            case cls(Order(number), attempt):  # pyright: ignore[reportUnknownVariableType]
                return number, attempt
            case _:
                return "other"

    unchanged(lambda cls, ctx: [outcome(by_keyword, cls, ctx), outcome(by_position, cls, ctx)])


def test_singledispatch(unchanged: Check) -> None:
    """By the class, and by nothing else."""

    def operation(cls: Any, ctx: Any) -> Any:
        @functools.singledispatch
        def name(_value: object) -> str:
            return "object"

        register: Any = name.register
        register(cls, lambda _ctx: "context")  # pyright: ignore[reportUnknownLambdaType]
        return name(ctx), name(1)

    unchanged(operation)


def test_weak_references(unchanged: Check) -> None:
    """Taken, alive, dead, called back; or refused."""

    def operation(cls: Any, ctx: Any) -> Any:
        assert weakref.ref(ctx)() is ctx
        other, dead = cls(order=Order("A")), list[str]()
        ref = weakref.ref(other, lambda _: dead.append("dead"))
        del other
        gc.collect()
        return ref(), dead

    unchanged(operation)


# -- reading, writing, deleting


def test_class_level_defaults(unchanged: Check) -> None:
    """What the class says, or that it says nothing; and instances that have nothing of their own."""

    def operation(cls: Any, _ctx: Any) -> Any:
        def on_class(name: str) -> Any:
            found: Any = outcome(lambda cls, _ctx: getattr(cls, name), cls, None)
            described = type(found).__name__ if hasattr(found, "__get__") else found
            return hasattr(cls, name), getattr(cls, name, "absent") is found, described

        return [on_class(name) for name in ("order", "attempt", "absent")]

    unchanged(operation)


def test_descriptors_are_got_from_the_class(instrument: Instrument) -> None:
    """A property or slot that is asked of the class is the very one, so that others can build on it."""
    classes: list[Any] = [make(flavour) for flavour in ("property", "slots", "cached_property")]
    before = [cls.order for cls in classes]
    instrument()
    pool = Pool()
    for cls in classes:
        pool.enqueue(Order("A"), cls(order=Order("A")), lambda _order, _ctx: None).result(WAIT)
    pool.close()
    assert all(map(is_watched, classes))
    assert all(cls.order is one for cls, one in zip(classes, before, strict=True))
    assert classes[0].order.fget(classes[0](order=Order("B"))) == Order("B")
    assert classes[0].order.__doc__ == "The order."


def test_get_and_set(unchanged: Check) -> None:
    """By name, by function, by way of `object`: all see what the others wrote, and fail alike."""

    def operation(cls: Any, ctx: Any) -> Any:
        def tried(change: Callable[[], object]) -> Any:
            return outcome(lambda _cls, _ctx: change(), cls, ctx), state(ctx)

        return [
            tried(lambda: setattr(ctx, "order", Order("B"))),
            tried(lambda: object.__setattr__(ctx, "order", Order("C"))),
            tried(lambda: setattr(ctx, "attempt", "2")),
            tried(lambda: setattr(ctx, "attempt", "bad")),
            tried(lambda: object.__getattribute__(ctx, "order")),
            tried(lambda: ctx.__getattribute__("attempt")),
            tried(lambda: operator.attrgetter("order.id", "attempt")(ctx)),
            tried(lambda: getattr(ctx, "attempt", "none")),
            tried(lambda: setattr(ctx, "order", "no order")),
        ]

    unchanged(operation)


def test_writes_to_the_dict(flavour: str, mode: str, telemetry: Telemetry) -> None:
    """What is put into an instance's `__dict__` is found by its name, or not, as ever."""

    def operation(cls: Any, ctx: Any) -> Any:
        def put(_cls: Any, ctx: Any) -> None:
            ctx.__dict__.update(order=Order("B"), attempt="3")

        def drop(_cls: Any, ctx: Any) -> None:
            del ctx.__dict__["order"]

        return outcome(put, cls, ctx), state(ctx), outcome(drop, cls, ctx), state(ctx)

    assert_unchanged(flavour, mode, telemetry, operation, goes_around=True)


def test_an_error_says_what_it_said(unchanged: Check) -> None:
    """An `AttributeError` has its `name` and `obj`, and no error of ours in its traceback."""

    def operation(_cls: Any, ctx: Any) -> Any:
        def failing(change: Callable[[Any], object], ctx: Any) -> Any:
            try:
                change(ctx)
            except Exception as error:
                known = getattr(error, "name", None), getattr(error, "obj", None) is ctx
                return known, repr(error.__context__), repr(error.__cause__), type(error)
            return None

        def emptied(ctx: Any) -> Any:
            for name in ("order", "attempt"):
                with contextlib.suppress(Exception):
                    delattr(ctx, name)
            return ctx

        return [
            failing(lambda ctx: ctx.absent, ctx),
            failing(lambda ctx: setattr(ctx, "attempt", "bad"), ctx),
            failing(lambda ctx: emptied(ctx).order, ctx),
            failing(lambda ctx: emptied(ctx).attempt, ctx),
        ]

    unchanged(operation)


def test_del(unchanged: Check) -> None:
    """A field that is deleted is gone (or its default is back), a second deletion fails, and it can be set again."""

    def operation(cls: Any, ctx: Any) -> Any:
        def tried(name: str) -> Any:
            found: Any = outcome(lambda _cls, ctx: delattr(ctx, name), cls, ctx)
            if found is not None and sys.version_info < (3, 11):
                found = found[0]  # 3.10 says the bare name, where ours says what 3.11 does
            return found, state(ctx), hasattr(ctx, name)

        def again(_cls: Any, ctx: Any) -> None:
            ctx.order = Order("A")

        return [tried(name) for name in ("order", "attempt") * 2], outcome(again, cls, ctx), state(ctx)

    unchanged(operation)


def test_object_new(unchanged: Check) -> None:
    """An instance that no `__init__` has touched."""
    unchanged(_object_new)


def _object_new(cls: Any, _ctx: Any) -> Any:
    bare = object.__new__(cls)
    if "_inner" in dir(cls):
        bare._inner = Order("inner")

    def fill(_cls: Any, bare: Any) -> None:
        bare.order = Order("A")

    read = [outcome(lambda _cls, bare, n=name: getattr(bare, n), cls, bare) for name in ("order", "attempt")]
    return read, outcome(fill, cls, bare), outcome(lambda _cls, bare: bare.order, cls, bare)


# -- subclasses


def test_a_subclass_that_overrides_the_field(unchanged: Check) -> None:
    """By a value, by a property that keeps it elsewhere or in the `__dict__`, by a slot, and by nothing."""

    def operation(cls: Any, _ctx: Any) -> Any:
        class Valued(cls):
            order = Order("valued")
            attempt = "valued"

        class Elsewhere(cls):
            @property
            def order(self) -> Any:
                return ["elsewhere", self.__dict__.get("kept")]

            @order.setter
            def order(self, order: Order) -> None:
                self.__dict__["kept"] = order

        class Same(cls):
            @property
            def order(self) -> Any:
                return ["same", self.__dict__.get("order")]

            @order.setter
            def order(self, order: Order) -> None:
                self.__dict__["order"] = order

        class Slot(cls):
            __slots__ = ("order",)

        class Bare(cls):
            pass

        return [
            outcome(lambda sub, _ctx: state(sub(order=Order("A"))), sub, None)
            for sub in (Valued, Elsewhere, Same, Slot, Bare)
        ]

    unchanged(operation)


def test_a_subclass_that_asks_its_base_for_the_field(unchanged: Check) -> None:
    """`super()` gives what the base class has, its property, slot or default, and never the instance's own."""

    def operation(cls: Any, _ctx: Any) -> Any:
        class Asking(cls):
            @property
            def order(self) -> Any:
                try:
                    return ["asked", super().order]  # pyright: ignore[reportUnknownMemberType]
                except AttributeError as error:
                    return ["asked in vain", str(error)]

            @order.setter
            def order(self, order: Order) -> None:
                self.__dict__["order"] = order

        bare, full = object.__new__(Asking), object.__new__(Asking)
        full.order = Order("own")
        if hasattr(cls, "__getattr__"):
            return None  # a bare one of these recurses by itself
        return [outcome(lambda _cls, ctx: ctx.order, cls, ctx) for ctx in (bare, full)]

    unchanged(operation)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("overriding", ["value", "property", "slot", "dataclass", "nothing"])
@pytest.mark.parametrize("first", ["base", "sub"])
def test_contexts_of_class_and_subclass(
    mode: str, overriding: str, first: str, instrument: Instrument, telemetry: Telemetry
) -> None:
    """Contexts of both are handed over, in either order: each is watched, once, and each is restored."""

    class Base:
        order: Any = Order("default")
        attempt: Any = None

    class Valued(Base):
        order: Any = Order("valued")

    class Property(Base):
        @property
        def order(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
            return self.__dict__.get("kept", super().order)

        @order.setter
        def order(self, order: Order) -> None:
            self.__dict__["kept"] = order

    class Slot(Base):
        __slots__ = ("order",)

    @dataclasses.dataclass
    class Dataclass(Base):
        order: Any = dataclasses.field(default_factory=lambda: Order("made"))

    class Nothing(Base):
        pass

    sub: Any = {"value": Valued, "property": Property, "slot": Slot, "dataclass": Dataclass, "nothing": Nothing}[
        overriding
    ]
    classes: list[Any] = [Base, sub] if first == "base" else [sub, Base]
    for cls in classes:
        copy.copy(cls())  # copyreg keeps `__slotnames__` on a class from the first copy on
    before: dict[Any, dict[str, Any]] = {cls: dict(own(cls)) for cls in classes}
    unwatched = [outcome(lambda cls, _ctx: cls().order, cls, None) for cls in classes]
    instrument(mode)
    pool = Pool()
    for cls, expected in zip(classes, unwatched, strict=True):
        reads: list[Any] = []

        def job(_order: Order, ctx: Any, cls: Any = cls, reads: list[Any] = reads) -> None:
            reads.append(outcome(lambda _cls, ctx: ctx.order, cls, ctx))

        ctx = cls()
        pool.enqueue(Order("A"), ctx, job).result(WAIT)
        assert reads == [expected]
        assert outcome(lambda cls, _ctx: cls().order, cls, None) == expected
        # Somebody else's write is seen, once.
        telemetry.mismatches.clear()

        assert overtake(lambda _order, ctx: ctx.order.id, ctx=cls()) == ("A" if mode == "pin" else "B")
        assert [(m.evidence, m.outcome, dict(m.observed)) for m in telemetry.mismatches] == [
            ("read", "prevented" if mode == "pin" else "used", {"order_id": "B"})
        ]
    pool.close()
    HandoffInstrumentor().uninstrument()
    for cls in classes:
        assert_restored(cls, before[cls])


@pytest.mark.parametrize("slots", [False, True])
def test_a_dataclass_made_after_instrumenting(slots: bool, unchanged: Check) -> None:
    """A sub-dataclass takes over the fields and defaults of its watched base, and no descriptor for a default."""

    def operation(cls: Any, _ctx: Any) -> Any:
        def define(cls: Any, _ctx: Any) -> Any:
            @dataclasses.dataclass(slots=slots, frozen=cls.__dataclass_params__.frozen)
            class Sub(cls):
                more: int = 0

            @dataclasses.dataclass(slots=slots, frozen=cls.__dataclass_params__.frozen)
            class Again(cls):
                order: Order
                attempt: str | None

            return [
                (
                    str(inspect.signature(sub)),
                    [(f.name, repr(f.default)) for f in dataclasses.fields(sub)],
                    state(sub(order=Order("A"))),
                    outcome(lambda sub, _ctx: sub(), sub, None),
                    [hasattr(sub, name) for name in ("order", "attempt", "more")],
                )
                for sub in (Sub, Again)
            ]

        return outcome(define, cls, None)

    unchanged(operation)


# -- mocks


def test_mock_patch_object_on_an_instance(unchanged: Check) -> None:
    """Patched inside, as before outside."""

    def operation(cls: Any, ctx: Any) -> Any:
        def patch(name: str, value: object) -> Any:
            with mock.patch.object(ctx, name, value):
                return state(ctx)

        return [
            (outcome(lambda _cls, _ctx, n=name, v=value: patch(n, v), cls, ctx), state(ctx))
            for name, value in (("order", Order("P")), ("attempt", "patched"))
        ]

    unchanged(operation)


def test_mock_patch_object_on_the_class(unchanged: Check) -> None:
    """Patched inside, as before outside, for instances with and without a value of their own."""

    def operation(cls: Any, ctx: Any) -> Any:
        def patch(name: str, value: object) -> Any:
            bare = object.__new__(cls)
            with mock.patch.object(cls, name, value):
                if hasattr(cls, "__getattr__"):
                    return state(ctx)
                return state(ctx), outcome(lambda _cls, _ctx: getattr(bare, name), cls, ctx)

        return [
            (outcome(lambda _cls, _ctx, n=name, v=value: patch(n, v), cls, ctx), state(ctx))
            for name, value in (("order", Order("P")), ("attempt", "patched"))
            if hasattr(cls, name)  # else see the blind one below
        ]

    unchanged(operation)


def test_a_patch_of_the_class_that_outlives_the_instrumentation(instrument: Instrument) -> None:
    """Undone in the wrong order, the class works as before, and a next coming and going takes the last trace off."""
    cls = make("class_defaults")
    before = dict(own(cls))

    def work() -> None:
        instrument()
        pool = Pool()
        pool.enqueue(Order("A"), cls(order=Order("A")), lambda _order, _ctx: None).result(WAIT)
        pool.close()

    work()
    with mock.patch.object(cls, "attempt", "patched"):
        HandoffInstrumentor().uninstrument()
        assert cls().attempt == "patched"
    assert (cls.attempt, cls().attempt, cls().order) == ("default", "default", Order("default"))
    work()
    HandoffInstrumentor().uninstrument()
    assert_restored(cls, before)


def test_an_attribute_that_the_host_gives_its_class_meanwhile(instrument: Instrument) -> None:
    """It stays, also after `uninstrument()`; and one that the host deletes stays deleted."""
    cls = make("class_defaults")
    instrument()
    pool = Pool()
    pool.enqueue(Order("A"), cls(order=Order("A")), lambda _order, _ctx: None).result(WAIT)
    pool.close()
    cls.attempt = "new"
    del cls.order
    assert (cls().attempt, hasattr(cls(), "order")) == ("new", False)
    HandoffInstrumentor().uninstrument()
    assert (cls.attempt, hasattr(cls, "order")) == ("new", False)


def stand_in(kind: str) -> Any:
    """Something that is handed in where a context belongs."""
    ctx: Any
    if kind == "SimpleNamespace":
        ctx = types.SimpleNamespace()
    elif kind == "Mock":
        ctx = mock.Mock(spec=Context)
    elif kind == "MagicMock":
        ctx = mock.MagicMock(spec=Context())
    elif kind == "autospec":
        ctx = mock.create_autospec(Context, instance=True)
    elif kind == "bare Mock":
        ctx = mock.Mock()
    else:
        ctx = mock.NonCallableMock(spec_set=["order", "attempt"])
    ctx.order, ctx.attempt = Order("A"), None
    return ctx


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["SimpleNamespace", "Mock", "MagicMock", "autospec", "bare Mock", "NonCallableMock"])
def test_a_stand_in_for_the_context(kind: str, mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """It works as it does without us, a healthy row is healthy, and a wrong id is found where it can be seen."""

    def operation(_cls: Any, ctx: Any) -> Any:
        found: Any = [ctx.order, ctx.attempt, isinstance(ctx, Context), callable(ctx)]
        ctx.attempt = "2"
        found += [ctx.attempt, outcome(lambda _cls, ctx: type(ctx.nonsense).__name__, None, ctx)]
        if hasattr(ctx, "mock_calls"):
            found += [len(ctx.mock_calls), type(ctx).__name__]
        else:
            found += [repr(ctx)]
        return found

    def rows() -> list[Any]:
        pool = Pool()
        ctx = stand_in(kind)
        try:
            return [
                pool.enqueue(Order("A"), ctx, lambda _order, ctx: outcome(operation, None, ctx)).result(WAIT),
                outcome(operation, None, ctx if mode == "observe" else stand_in(kind)),
                outcome(operation, None, stand_in(kind)),
            ]
        finally:
            pool.close()

    expected = rows()
    instrument(mode)
    assert rows() == expected
    # A namespace cannot be watched: that the worker wrote the field itself is not seen (test_blind_own_write).
    blind = [("end", "exposed")] if kind == "SimpleNamespace" and mode == "observe" else []
    assert [(m.evidence, m.outcome) for m in telemetry.mismatches] == blind
    HandoffInstrumentor().uninstrument()
    assert rows() == expected


def test_blind_a_class_without_the_field_has_it_for_mocks(instrument: Instrument) -> None:
    """`dir` and `vars` of the class have a watched field: a mock with that spec has it, and it can be patched there."""
    cls = make("custom_init")

    def patchable() -> bool:
        try:
            with mock.patch.object(cls, "order", Order("P")):
                return True
        except AttributeError:
            return False

    assert (hasattr(mock.Mock(spec=cls), "order"), patchable()) == (False, False)
    instrument()
    pool = Pool()
    pool.enqueue(Order("A"), cls(order=Order("A")), lambda _order, _ctx: None).result(WAIT)
    pool.close()
    assert (hasattr(mock.Mock(spec=cls), "order"), patchable()) == (True, True)
    HandoffInstrumentor().uninstrument()
    assert (hasattr(mock.Mock(spec=cls), "order"), patchable()) == (False, False)


# -- classes that cannot be watched


@pytest.mark.parametrize("mode", MODES)
def test_a_class_that_refuses_to_be_changed(mode: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """Whatever it raises, its rows are pinned and done; only reads are not seen."""

    class Sealed(type):
        def __setattr__(cls, name: str, value: object) -> None:
            raise RuntimeError("sealed")

        __delattr__ = __setattr__  # type: ignore[assignment]

    class Ctx(metaclass=Sealed):
        attempt = None

        def __init__(self, order: Order) -> None:
            self.order = order

    instrument(mode)
    pool = Pool()
    ctx: Any = Ctx(Order("A"))
    handed = pool.enqueue(Order("A"), ctx, lambda _order, ctx: ctx).result(WAIT)
    pool.close()
    assert (handed is ctx) is (mode == "observe")
    assert telemetry.counted("handoff.submissions") == {("orders",): 1}


def test_a_class_that_is_sealed_while_it_is_watched() -> None:
    """It cannot be given back; `uninstrument()` does not raise, and gives the others back."""

    class Sealing(type):
        sealed = False

        def __setattr__(cls, name: str, value: object) -> None:
            if cls.sealed:
                raise TypeError("sealed")
            super().__setattr__(name, value)

        def __delattr__(cls, name: str) -> None:
            if cls.sealed:
                raise TypeError("sealed")
            super().__delattr__(name)

    class Ctx(metaclass=Sealing):
        attempt = None
        order = None

    other = make("class_defaults")
    before = dict(own(other))
    watch = Watch(["order"])
    classes: tuple[Any, ...] = (other, Ctx, make("slots"))
    for cls in classes:
        watch.cover(cls)
    Ctx.sealed = True
    watch.remove()
    assert (Ctx.order, Ctx().order) == (None, None)
    assert_restored(other, before)
    assert not is_watched(classes[2])
