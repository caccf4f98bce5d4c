"""Paths that were read beforehand lead where the names lead one by one, and arguments are found wherever they stand."""

from __future__ import annotations

from collections import defaultdict
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from otel_handoff.host.fields import Fields
from otel_handoff.host.following import follow, walk
from otel_handoff.host.parameters import RETURNED, Parameters
from otel_handoff.host.plainly import MISSING


class _Pair(NamedTuple):
    token: object
    state: str


_TOKEN = SimpleNamespace(token_id="t-1", parts=("a", "b"), extra={"0": "zero", 0: "not this"})


@pytest.mark.parametrize("value", [_TOKEN, {"token_id": "t-2"}, (_TOKEN, "s"), [_TOKEN], _Pair(_TOKEN, "s"), (), None])
@pytest.mark.parametrize(
    "path", ["token_id", "0", "0.token_id", "token.token_id", "1", "parts.1", "0.parts.0", "extra.0", "absent.0.a"]
)
def test_a_path_read_beforehand_leads_where_its_names_lead(value: Any, path: str) -> None:
    """Also where it ends early."""
    there = walk(value, path.split("."))
    assert Fields({"id": f"root.{path}", "other": "root"}).ids_of({"root": value}) == {"id": there, "other": value}
    reads = Parameters(_host, bound=True).reads({"id": f"ctx.{path}", "state": "state"})
    found = follow(value, path.split("."))
    assert found is MISSING or found == there
    ids = {} if found is MISSING else {"id": there}
    assert reads((1, value), {}) == {**ids, "state": "s-0"}
    assert reads((1,), {"ctx": value, "state": "s-1"}) == {**ids, "state": "s-1"}


def test_what_an_argument_does_not_have_is_no_id() -> None:
    """A call under an id that nobody can read is not a call under None; a None on the way there is."""
    reads = Parameters(_host, bound=True).reads(
        {"typo": "ctx.token_ident", "none": "ctx.nobody.id", "key": "ctx.extra.k"}
    )
    assert reads((1, SimpleNamespace(token_id="t", nobody=None, extra={})), {}) == {"none": None}


def test_a_path_that_leads_nowhere_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Once, at whichever part. One that ends at None, or at a key that is missing, may lead on in another row."""
    paths = {
        "a": "toke.token_id",
        "b": "token.id",
        "c": "token.parts.7",
        "d": "token.extra.key",
        "e": "nobody.token_id",
    }
    fields = Fields(paths)
    for context in 2 * [SimpleNamespace(token=_TOKEN, nobody=None)]:
        assert set(fields.ids_of(fields.roots_of(context)).values()) == {None}
    assert caplog.messages == [
        "A SimpleNamespace has no 'toke'. Did you mean 'token'? The fields that start there are not checked.",
        "A SimpleNamespace has no 'id': the field 'b' is not checked.",
    ]


@pytest.mark.parametrize("name", ["class", "ﬁeld", "1st"])
def test_a_name_that_is_none_in_python_leads_there_too(name: str) -> None:
    """Attributes and keys may be called anything."""
    value = SimpleNamespace(**{name: {name: "found"}})
    assert Fields({"id": f"{name}.{name}"}).ids_of({name: vars(value)[name]}) == {"id": "found"}
    assert Parameters(_host, bound=True).reads({"id": f"ctx.{name}.{name}"})((1, value), {}) == {"id": "found"}


def test_a_mapping_that_grows_when_it_is_read_is_left_alone() -> None:
    """An index is no key."""
    grows: defaultdict[object, str] = defaultdict(lambda: "grown")
    assert Fields({"id": "root.0"}).ids_of({"root": grows}) == {"id": None}
    assert not grows


def test_the_paths_of_a_result_lead_to_its_ids() -> None:
    """What the host routes: a tuple, with the token in front. An argument that is missing has no id."""
    paths = {"token": "ctx.0.token_id", "state": "ctx.2", "part": "ctx.0.parts.1", "absent": "absent.0"}
    reads = Parameters(_host, bound=True).reads(paths)
    assert reads((1, (_TOKEN, "done", "s-1")), {}) == {"token": "t-1", "state": "s-1", "part": "b"}


def _host(_self: object, row: int, /, ctx: object, *, state: str = "s-0", **more: object) -> None: ...


@pytest.mark.parametrize(
    ("args", "kwargs", "found"),
    [
        ((1, "c"), {}, (1, "c", "s-0", MISSING)),
        ((1,), {"ctx": "c", "state": "s-1"}, (1, "c", "s-1", MISSING)),
        ((1,), {"ctx": "c", "row": 2}, (1, "c", "s-0", MISSING)),  # `row` is of `more`: the parameter has no name
        ((), {}, (MISSING, MISSING, "s-0", MISSING)),
    ],
)
def test_an_argument_is_found_wherever_it_stands(
    args: tuple[Any, ...], kwargs: dict[str, Any], found: tuple[Any, ...]
) -> None:
    """By position, by name, or by its default; `MISSING` where there is none."""
    parameters = Parameters(_host, bound=True)
    assert tuple(parameters.get(name, args, kwargs) for name in ("row", "ctx", "state", "absent")) == found


def test_an_argument_is_replaced_where_it_stands() -> None:
    """One that is not there, as its default stood in, is given by name."""
    parameters = Parameters(_host, bound=True)
    assert parameters.replace("ctx", "new", (1, "c"), {}) == ((1, "new"), {})
    assert parameters.replace("ctx", "new", (1,), {"ctx": "c"}) == ((1,), {"ctx": "new"})
    assert parameters.replace("state", "new", (1, "c"), {}) == ((1, "c"), {"state": "new"})


class _Desk:
    label = staticmethod(str)


def test_what_a_class_binds_when_it_is_read_has_not_changed() -> None:
    """Of a class on the way what is stored is not what is read: no id of it is called another for that."""
    fields = Fields({"id": "root.desk.label"})
    roots = {"root": SimpleNamespace(desk=_Desk)}
    assert fields.changed_in(roots, fields.ids_of(roots), fields.paths) == {}
    roots["root"].desk = SimpleNamespace(label="other")
    assert fields.changed_in(roots, {"id": _Desk.label}, fields.paths) == {"id": "other"}


class _Headers:
    """Has its keys in any case, and is no mapping."""

    def __contains__(self, key: object) -> bool:
        return str(key).lower() == "x-request-id"

    def __getitem__(self, key: str) -> str:
        assert type(key) is str
        return f"found as {key}"


@pytest.mark.parametrize(
    ("value", "path", "found"),
    [
        ({"X-Request-ID": "r"}, "root[X-Request-ID]", "r"),
        ({"items": "key"}, "root[items]", "key"),  # the attribute is a method
        ({1: "one"}, "root[1]", "one"),
        (["a", "b"], "root[-1]", "b"),
        (_Headers(), "root[x-request-id]", "found as x-request-id"),
        (SimpleNamespace(headers={"a.b": {"c": "deep"}}), "root.headers['a.b'].c", "deep"),
        ({"a": 1}, "root[b]", None),
        (["a"], "root[1]", None),
    ],
)
def test_a_key_leads_to_what_is_under_it(value: Any, path: str, found: object) -> None:
    """Never to an attribute of that name; where there is no such key, another row may have it."""
    fields = Fields({"id": path})
    ids = fields.ids_of({"root": value})
    assert ids == {"id": found}
    assert getattr(ids, "absent", ()) == ()
    there = MISSING if found is None else found
    assert Parameters(_host, bound=True).reader(path.replace("root", "ctx"))((1, value), {}) == there


def test_what_has_no_keys_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """A path that cannot be meant."""
    fields = Fields({"id": "root[key]", "text": "text[key]"})
    assert set(fields.ids_of({"root": SimpleNamespace(), "text": "text"}).values()) == {None}
    assert caplog.messages == [
        "A SimpleNamespace has no keys, as [key]: the field 'id' is not checked.",
        "A str has no keys, as [key]: the field 'text' is not checked.",
    ]


def test_a_key_of_the_context_itself_is_one_of_its_roots() -> None:
    """A message's headers, say, as the context."""
    fields = Fields({"id": "[X-ID]", "n": "['n m'].0"})
    roots = fields.roots_of({"X-ID": "x", "n m": (7,)})
    assert fields.ids_of(roots) == {"id": "x", "n": 7}
    assert fields.ids_of(fields.roots_of({})) == {"id": None, "n": None}


_request: ContextVar[Any] = ContextVar("request")
_shared: Any = SimpleNamespace(client={"session": SimpleNamespace(id="s-1")})


def _of_any(_self: object, first: object, *rest: object, **named: object) -> None: ...


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("self.tenant", "acme"),
        ("first", 1),
        ("args.0", 2),
        ("args.1.id", "r"),
        ("rest[-1].id", "r"),
        ("args.7", MISSING),
        ("kwargs.headers[X-ID]", "x"),
        ("kwargs[of one]", 3),
        ("named.headers[X-ID]", "x"),
        ("headers[X-ID]", "x"),
        (f"{__name__}:_shared.client.session.id", "s-1"),
        (f"{__name__}:_request.id", "in a context"),
        ("nowhere.at.all:client", MISSING),
    ],
)
def test_a_path_starts_at_any_of_a_call(path: str, found: object) -> None:
    """At its object, at what its open parameters get, in a module; a ContextVar on the way has what it has here."""
    parameters = Parameters(_of_any, bound=True)
    args: tuple[Any, ...] = (1, 2, SimpleNamespace(id="r"))
    kwargs: dict[str, Any] = {"headers": {"X-ID": "x"}, "of one": 3}
    token = _request.set(SimpleNamespace(id="in a context"))
    try:
        assert parameters.reader(path)(args, kwargs, SimpleNamespace(tenant="acme")) == found
        ids = parameters.reads({"id": path, "first": "first"})(args, kwargs, SimpleNamespace(tenant="acme"))
    finally:
        _request.reset(token)
    assert ids == ({"first": 1} if found is MISSING else {"id": found, "first": 1})


def test_a_context_variable_without_a_value_has_none() -> None:
    """It is the same as a None on the way."""
    parameters = Parameters(_of_any, bound=True)
    assert parameters.reader(f"{__name__}:_request")((), {}) is None
    assert parameters.reader(f"{__name__}:_request.id")((), {}) is MISSING


def _of_its_own(args: object, kwargs: object, result: object, self: object) -> None: ...


def test_a_parameter_of_that_name_is_the_parameter() -> None:
    """As before there was anything else of that name."""
    parameters = Parameters(_of_its_own, bound=False)
    given = (["a"], {"k": "b"}, SimpleNamespace(id="c"), SimpleNamespace(id="d"))
    paths = {"a": "args.0", "b": "kwargs[k]", "c": "result.id", "d": "self.id"}
    assert parameters.reads(paths)(given, {}, object()) == {"a": "a", "b": "b", "c": "c", "d": "d"}
    assert not any(parameters.is_of_result(path) for path in paths.values())
    assert not parameters.is_of_instance(paths.values())


def _of_one(ctx: object) -> None: ...


def test_where_a_path_can_start_is_known_of_the_signature() -> None:
    """A root that no call can have is told when it is declared."""
    method = Parameters(_host, bound=True)  # it takes any keyword
    plain = Parameters(_of_its_own, bound=False)
    assert all(method.leads(path) for path in ("self.x", "ctx.a", "more.b", "kwargs.b", "b", "m:x"))
    assert not any(plain.leads(path) for path in ("ctx.a", "more.b", "b"))
    few = Parameters(_of_one, bound=False)
    assert not any(few.leads(path) for path in ("self", "args.0", "kwargs.b", "result.id"))
    assert few.leads("result.id", returned=True)
    assert few.reads({"id": "result.id"})((1,), {RETURNED: SimpleNamespace(id="r")}) == {"id": "r"}
