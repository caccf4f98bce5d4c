"""The name that was perhaps meant, for a message about one that is not there."""

from __future__ import annotations

import difflib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any


def nearest(name: str, names: Iterable[str]) -> str:
    """Return `" Did you mean 'tenant'?"`, or an empty string where nothing is like `name`."""
    found = difflib.get_close_matches(name, [one for one in names if one != name and not one.startswith("__")], 1)
    return f" Did you mean {found[0]!r}?" if found else ""


def nearest_module(target: str) -> str:
    """Return the same for the module of `target`, which cannot be found. No module is imported for it."""
    module, _, path = target.partition(":")
    package, _, name = module.rpartition(".")
    if not package:
        return nearest(name, [one.name for one in pkgutil.iter_modules()])
    if not can_be_found(package):
        return nearest_module(f"{package}:")
    if (places := _places(package)) is None or name[:1].isupper():
        return f" Did you mean '{package}:{name}.{path}'?"  # a class is after the colon
    hint = nearest(name, [one.name for one in pkgutil.iter_modules(places)])
    return hint.replace("mean '", f"mean '{package}.")


def can_be_found(module: str) -> bool:
    """Whether there is such a module, as far as that is known. No module is imported for it."""
    try:
        return module in sys.modules or _spec(module) is not None
    except Exception:
        return True  # it is there, and something is wrong with it


def _spec(module: str) -> Any:
    package = module.rpartition(".")[0]
    if not package:
        return importlib.util.find_spec(module)
    places = _places(package)
    if places is None:
        return None
    found = (finder.find_spec(module, places, None) for finder in sys.meta_path if hasattr(finder, "find_spec"))
    return next((spec for spec in found if spec is not None), None)


def _places(package: str) -> Sequence[str] | None:
    """Return where the modules of a package are; None where it is a module, or not there."""
    if package in sys.modules:
        return getattr(sys.modules[package], "__path__", None)
    spec = _spec(package)
    return None if spec is None else spec.submodule_search_locations
