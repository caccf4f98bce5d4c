"""A dashboard's JSON against the types that the Grafana SDK generates from Grafana's schema."""

from __future__ import annotations

import enum
import json
import types
import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

_SDK = "grafana_foundation_sdk"


def typed(text: str) -> Any:
    """Return a dashboard as the SDK's types; panels' options and queries become those of their plugins."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the schema that Grafana 11 reads
        import_module(f"{_SDK}.cog.plugins").register_default_plugins()
        return import_module(f"{_SDK}.models.dashboard").Dashboard.from_json(json.loads(text))


def untyped(dashboard: Any) -> Any:
    """Return the JSON of the SDK's types."""
    return json.loads(json.dumps(dashboard, cls=import_module(f"{_SDK}.cog.encoder").JSONEncoder))


def faults(value: Any, where: str = "dashboard") -> Iterator[str]:
    """Yield what is not of the type that the schema says, all the way down."""
    model = cast("type[object]", type(value))
    if model.__module__.startswith(f"{_SDK}.models"):
        for name, hint in get_type_hints(model).items():
            yield from _against(getattr(value, name), hint, f"{where}.{name}")


def _against(value: Any, hint: Any, where: str) -> Iterator[str]:
    kind: Any = get_origin(hint) or hint
    args = get_args(hint)
    if kind in (Union, types.UnionType):
        tried = [list(_against(value, one, where)) for one in args]
        # The one that goes deepest says the most.
        yield from min(tried, key=lambda one: (any(fault.startswith(f"{where} is ") for fault in one), len(one)))
    elif hasattr(kind, "from_json") and isinstance(value, dict):
        yield from faults(kind.from_json(value), where)
    elif kind is list and isinstance(value, list):
        for number, item in enumerate(cast("list[Any]", value)):
            yield from _against(item, args[0], f"{where}[{number}]")
    elif kind is dict and isinstance(value, dict):
        for key, item in cast("dict[str, Any]", value).items():
            yield from _against(item, args[1], f"{where}.{key}")
    elif _is(value, kind, args):
        yield from faults(value, where)
    else:
        yield f"{where} is {value!r}, not {hint}"


def _is(value: Any, kind: Any, args: tuple[Any, ...]) -> bool:
    if kind is Any:
        return True
    if kind is Literal:
        return value in args
    if issubclass(kind, enum.Enum):
        return value in list(kind)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)
