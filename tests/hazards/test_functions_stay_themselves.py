"""What a host does with its functions, it can do with wrapped ones: pickle, copy, keep in templates, hold weakly."""

from __future__ import annotations

import base64
import copy
import dataclasses
import functools
import gc
import inspect
import multiprocessing
import pickle
import subprocess
import sys
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from types import FunctionType, MethodType
from typing import Any

import pytest
import wrapt

from otel_handoff import Boundary, Call, HandoffInstrumentor
from otel_handoff.boundary import Call as Evict
from otel_handoff.host.bound import is_bound
from otel_handoff.host.standin import stand_in
from tests.hazards.conftest import Instrument
from tests.hosts import WAIT, Context, Order
from tests.telemetry import Telemetry

# -- a host of functions, and of methods of each kind


def post(order_id: str) -> str:
    """A call target that is a function of a module."""
    return f"posted {order_id}"


def enqueue(pool: Any, order: Order, ctx: Context) -> Future[Any]:
    """Submit function of a module."""
    return pool.submit(run, order, ctx)


def run(order: Order, ctx: Context) -> tuple[str, str | None]:
    """Work function of a module, which a process pool gets."""
    return order.id, ctx.order.id if ctx.order else None


class Template:
    """A callable object, of which hosts make copies."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, order_id: str) -> str:
        """A call target."""
        self.made.append(order_id)
        return f"made {order_id}"


template = Template()


class Tenant:
    """Keeps a dispatch table; is copied as a template."""

    def __init__(self) -> None:
        self.table: dict[str, Callable[..., Any]] = {"work": self.work, "post": self.post}

    def submit(self, order: Order, ctx: Context, pool: Any) -> Future[Any]:
        """Submit function."""
        return pool.submit(self.work, order, ctx)

    def submit_copy(self, order: Order, ctx: Context, pool: Any) -> Future[Any]:
        """Hand a deep copy of the bound work function over."""
        return pool.submit(copy.deepcopy(self.work), order, ctx)

    def work(self, order: Order, ctx: Context) -> Any:
        """Work function."""
        from otel_handoff import current_submission  # here, as this class is sent to where we are not

        submission = current_submission()
        return order.id, ctx.order and ctx.order.id, submission and submission.ids["order_id"]

    def post(self, order_id: str) -> str:
        """A call target."""
        return f"posted {order_id}"

    @staticmethod
    def file(order_id: str) -> str:
        """A call target that is a static method."""
        return f"filed {order_id}"

    @classmethod
    def route(cls, order_id: str) -> str:
        """A call target that is a class method."""
        return f"{cls.__name__} routed {order_id}"

    def evict(self, order_id: str) -> bool:
        """Give a submission up."""
        return bool(order_id)


class Branch(Tenant):
    """Inherits them."""


CALLS = ("post", "template", "Tenant.post", "Tenant.file", "Tenant.route")


def boundaries() -> list[Boundary]:
    """Both hand-overs, with all of their functions."""
    fields = {"order_id": "order.id"}
    calls = [Call(f"{__name__}:{target}", {"order_id": "order_id"}) for target in CALLS]
    return [
        Boundary(name="functions", submit=f"{__name__}:enqueue", work=f"{__name__}:run", fields=fields, calls=calls),
        Boundary(
            name="methods",
            submit=f"{__name__}:Tenant.submit",
            work=f"{__name__}:Tenant.work",
            fields=fields,
            evict=Evict(f"{__name__}:Tenant.evict", {"order_id": "order_id"}),
        ),
    ]


FUNCTIONS: dict[str, Callable[[], Any]] = {
    "submit-function": lambda: enqueue,
    "work-function": lambda: run,
    "call-target": lambda: post,
    "submit-method": lambda: Tenant().submit,
    "work-method": lambda: Tenant().work,
    "call-method": lambda: Tenant().post,
    "inherited-method": lambda: Branch().post,
    "method-of-the-class": lambda: Tenant.post,
    "work-method-of-the-class": lambda: Tenant.work,
    "static-method": lambda: Tenant.file,
    "class-method": lambda: Tenant.route,
    "inherited-class-method": lambda: Branch.route,
    "evict-method": lambda: Tenant().evict,
    "partial-of-one": lambda: functools.partial(post, "A"),
    "pool-method": lambda: ThreadPoolExecutor.submit,
    "thread-method": lambda: __import__("threading").Thread.start,
    "object": lambda: template,
}
EACH = pytest.mark.parametrize("name", FUNCTIONS)


@pytest.fixture
def instrumented(instrument: Instrument) -> None:
    """All of it is wrapped."""
    instrument(boundaries=boundaries())


def is_ours(function: Any) -> bool:
    """Whether a call of it goes through a wrapper."""
    function = getattr(function, "func", function)  # of a partial
    return is_bound(function) or isinstance(function, (wrapt.FunctionWrapper, wrapt.BoundFunctionWrapper))


def pickled(function: Any, protocol: int = pickle.DEFAULT_PROTOCOL) -> bytes:
    """The bytes."""
    try:
        return pickle.dumps(function, protocol)
    except Exception as error:
        pytest.fail(f"cannot be pickled: {error!r}")


@EACH
def test_it_is_wrapped(name: str, instrument: Instrument) -> None:
    """The control of what follows: each of these is ours while instrumented, and only then."""
    assert not is_ours(FUNCTIONS[name]())
    instrument(boundaries=boundaries())
    assert is_ours(FUNCTIONS[name]())
    HandoffInstrumentor().uninstrument()
    assert not is_ours(FUNCTIONS[name]())


@EACH
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickled_it_is_what_it_stands_for(name: str, protocol: int, instrument: Instrument) -> None:
    """What is loaded is wrapped where that is; the bytes know nothing of us, and load also where we are not."""
    instrument(boundaries=boundaries())
    function = FUNCTIONS[name]()
    written = pickled(function, protocol)
    assert b"otel_handoff" not in written
    loaded = pickle.loads(written)
    assert is_ours(loaded) or name == "object"  # that is pickled by value
    HandoffInstrumentor().uninstrument()
    plain = pickle.loads(written)
    assert not is_ours(plain)
    assert getattr(plain, "__qualname__", None) == getattr(FUNCTIONS[name](), "__qualname__", None)


@pytest.mark.parametrize("name", ["submit-function", "work-function", "call-target", "class-method"])
def test_pickled_it_is_the_same_bytes(name: str, instrument: Instrument) -> None:
    """A function of a module is written as without us."""
    before = pickle.dumps(FUNCTIONS[name]())
    instrument(boundaries=boundaries())
    assert pickle.dumps(FUNCTIONS[name]()) == before


@EACH
def test_pickled_after_it_was_taken_off(name: str, instrument: Instrument) -> None:
    """Somebody has kept the wrapped one: it is pickled as what it stood for."""
    instrument(boundaries=boundaries())
    kept = FUNCTIONS[name]()
    HandoffInstrumentor().uninstrument()
    written = pickled(kept)
    assert b"otel_handoff" not in written
    assert not is_ours(pickle.loads(written))


def test_what_could_not_be_pickled_still_cannot() -> None:
    """A function that is not where its name says fails as it does by itself."""

    def through(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
        return wrapped(*args, **kwargs)

    def local() -> None: ...

    for function in (local, lambda: None):
        with pytest.raises((pickle.PicklingError, AttributeError)):
            pickle.dumps(stand_in(function, through))


@EACH
@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy])
@pytest.mark.usefixtures("instrumented")
def test_a_copy_is_the_function(name: str, how: Callable[[Any], Any]) -> None:
    """A function is copied as itself; of a bound method, a copy is equal, and a deep copy is of the copied instance."""
    function: Any = FUNCTIONS[name]()
    copied: Any = how(function)
    assert is_ours(copied)
    if isinstance(function, FunctionType):
        assert copied == function
        assert hash(copied) == hash(function)
    if isinstance(function, MethodType) and how is copy.copy:
        assert copied == function
        assert copied.__self__ is function.__self__


@pytest.mark.usefixtures("instrumented")
def test_a_copied_object_is_another_object() -> None:
    """A callable object that is copied has a state of its own, and is still called through us."""
    other: Any = copy.deepcopy(template)
    assert other("A") == "made A"
    assert (other.made, template.made) == (["A"], [])
    shallow: Any = copy.copy(template)
    assert shallow.made is template.made


@dataclasses.dataclass
class Config:
    """A setting that is a function."""

    sink: Any


@pytest.mark.usefixtures("instrumented")
def test_what_holds_it_can_be_copied() -> None:
    """`dataclasses.asdict`, and a table of bound methods in a template."""
    assert dataclasses.asdict(Config(post)) == {"sink": post}
    assert dataclasses.replace(Config(post)) == Config(post)
    tenant = Tenant()
    copied = copy.deepcopy(tenant)
    table: list[Any] = list(copied.table.values())
    assert all(bound.__self__ is copied for bound in table)
    assert all(map(is_ours, copied.table.values()))
    assert copied.table["post"]("A") == "posted A"


@pytest.mark.parametrize("way", ["submit_copy", "table"])
def test_a_copied_work_function_is_called_through_us(way: str, instrument: Instrument, telemetry: Telemetry) -> None:
    """A deep copy that is handed over carries the submission; a row of a copied tenant is a row like any other."""
    submit = "submit_copy" if way == "submit_copy" else "submit"
    row = Boundary(
        name="rows",
        submit=f"{__name__}:Tenant.{submit}",
        work=f"{__name__}:Tenant.work",
        fields={"order_id": "order.id"},
    )
    instrument(boundaries=[row])
    tenant = copy.deepcopy(Tenant())
    ctx = Context(order=Order("A"))
    assert ctx.order is not None
    with ThreadPoolExecutor(1) as pool:
        assert getattr(tenant, submit)(ctx.order, ctx, pool).result(WAIT) == ("A", "A", "A")
    assert [span.name for span in telemetry.spans()] == ["process rows"]


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name.endswith("method")])
def test_held_weakly(name: str, instrument: Instrument) -> None:
    """`weakref.WeakMethod`, as signals and event buses hold their receivers, gives a method that goes through us."""
    if not isinstance(FUNCTIONS[name](), MethodType):
        pytest.skip("is no bound method: nobody holds it so")
    instrument(boundaries=boundaries())
    function = FUNCTIONS[name]()
    held = weakref.WeakMethod(function)
    found = held()
    assert is_ours(found)
    assert found == function
    assert held == weakref.WeakMethod(function)
    HandoffInstrumentor().uninstrument()
    found = held()
    assert found == function
    assert not is_ours(found)
    instrument(boundaries=boundaries())
    assert is_ours(held())
    if not isinstance(getattr(function, "__self__", None), type):
        del function, found
        gc.collect()  # a tenant's table is a cycle
        assert held() is None


@pytest.mark.usefixtures("instrumented")
def test_held_weakly_in_each_way() -> None:
    """Under another name, by a subclass that overrides it, and a function of the class, which cannot be held so."""
    Tenant.alias = Tenant.__dict__["post"]  # type: ignore[attr-defined]
    try:
        tenant: Any = Branch()
        held = weakref.WeakMethod(tenant.alias)
        assert is_ours(held())
    finally:
        del Tenant.alias  # type: ignore[attr-defined]

    class Overriding(Tenant):
        def post(self, order_id: str) -> str:
            bound: Any = weakref.WeakMethod(super().post)()
            return f"overridden, {bound(order_id)}"

    assert Overriding().post("A") == "overridden, posted A"
    with pytest.raises(TypeError):
        weakref.WeakMethod(Tenant.post)  # pyright: ignore[reportArgumentType]


@EACH
def test_all_else_is_as_without_us(name: str, instrument: Instrument) -> None:
    """Signature, names, what it is an instance of, whether it is equal to another look at it, and its hash."""

    def seen() -> list[Any]:
        function, again = FUNCTIONS[name](), FUNCTIONS[name]()
        return [
            inspect.signature(function),
            *(getattr(function, each, None) for each in ("__name__", "__qualname__", "__module__", "__doc__")),
            isinstance(function, FunctionType),
            isinstance(function, MethodType),
            inspect.isfunction(function),
            inspect.ismethod(function),
            function == again,
            hash(function) == hash(again),
        ]

    before = seen()
    instrument(boundaries=boundaries())
    assert seen() == before


# -- other processes


@pytest.mark.parametrize("mode", ["observe", "pin", "strict"])
@pytest.mark.parametrize("start", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_process_pool(start: str, mode: str, instrument: Instrument) -> None:
    """A work function of a module is done in another process, as is a call target, bound or not."""
    instrument(mode, boundaries=boundaries())
    ctx = Context(order=Order("A"))
    assert ctx.order is not None
    with ProcessPoolExecutor(1, multiprocessing.get_context(start)) as pool:
        assert enqueue(pool, ctx.order, ctx).result(WAIT) == ("A", "A")
        for function, expected in (
            (post, "posted A"),
            (Tenant.file, "filed A"),
            (Branch.route, "Branch routed A"),
            (Tenant().post, "posted A"),
        ):
            assert pool.submit(function, "A").result(WAIT) == expected


@EACH
@pytest.mark.parametrize("by_value", [False, True])
def test_cloudpickle(name: str, by_value: bool, instrument: Instrument) -> None:
    """As Dask, Ray and joblib send it: by reference, or by value, then without anything of ours in the class."""
    cloudpickle = pytest.importorskip("cloudpickle", reason="pip install 'otel-handoff[test]'")
    if name in ("pool-method", "thread-method"):
        pytest.skip("looked up on its class it is taken by value, and these hold locks")
    instrument(boundaries=boundaries())
    if by_value:
        cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        written = cloudpickle.dumps(FUNCTIONS[name]())
    finally:
        if by_value:
            cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    if not by_value:
        taken_by_value = ("object", "method-of-the-class", "work-method-of-the-class")
        assert is_ours(pickle.loads(written)) or name in taken_by_value
        return
    far = (
        "import base64, pickle, sys\n"
        "sys.modules['otel_handoff'] = None\n"
        "print(type(pickle.loads(base64.b64decode(sys.argv[1]))).__name__)"
    )
    command = [sys.executable, "-c", far, base64.b64encode(written).decode()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    expected = {"object": "Template", "partial-of-one": "partial"}
    kind = type(getattr(FUNCTIONS[name](), "__wrapped__", None)).__name__
    assert done.stdout.strip() == expected.get(name, kind)
