"""Several objects that a row shares with others: each is on the way from what stands for all to the row's ids."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from otel_handoff.boundary import Boundary
from otel_handoff.host.parameters import Parameters
from otel_handoff.host.paths import place_of
from otel_handoff.host.plainly import MISSING


def name_of(place: str) -> str:
    """Return the attribute of a `Several` that has what is at a place."""
    return re.sub(r"\W+", "_", place).strip("_")


def fields_of(boundary: Boundary) -> dict[str, str]:
    """Return the fields of a boundary, as paths from what is its context: from a `Several` where that is several."""
    if len(boundary.places) == 1:
        return dict(boundary.fields)
    found = {name: place_of(path, boundary.places) for name, path in boundary.fields.items()}
    return {name: name_of(at[0]) + at[1] for name, at in found.items() if at is not None}


class Several:
    """The context of a row that shares several objects; nobody but us has it."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)

    def is_as(self, other: object) -> bool:
        """Whether another stands for the very same objects."""
        others = other.__dict__
        return all(others.get(name) is value for name, value in vars(self).items())


class Places:
    """Where each of them is, as one function comes to it."""

    def __init__(self, places: Sequence[str], parameters: Parameters) -> None:
        self._readers = [(name_of(place), parameters.reader(place)) for place in places]

    def read(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], instance: Any = None) -> Any:
        """Return what stands for them all; `MISSING` where not one is there."""
        found = {name: read(args, kwargs, instance) for name, read in self._readers}
        there = {name: value for name, value in found.items() if value is not MISSING}
        return Several({**dict.fromkeys(found), **there}) if there else MISSING
