"""Paths that were read beforehand lead where the names lead one by one, and arguments are found wherever they stand."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from otel_handoff.host.fields import Fields, Parameters, follow, walk
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
    assert fields.changed_in(roots, fields.ids_of(roots)) == {}
    roots["root"].desk = SimpleNamespace(label="other")
    assert fields.changed_in(roots, {"id": _Desk.label}) == {"id": "other"}
