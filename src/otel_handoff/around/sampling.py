"""Which rows a provider's sampler can never record: they are spared a span that says nothing."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

_OFF: Final = "AlwaysOffSampler"
_FOLLOWS: Final = (f"localParentNotSampled:{_OFF}", f"remoteParentNotSampled:{_OFF}")


class Never(Enum):
    """What a sampler never records."""

    ANY = "any span"
    UNSAMPLED = "a span whose parent is not sampled"
    UNLESS_SAMPLED = "a span whose parent is not sampled, nor one without a parent"


def never_recorded(provider: Any) -> Never | None:
    """Return what the sampler of a provider says, in its public description, that it will never record."""
    sampler: Any = getattr(provider, "sampler", None)
    if not _describes_itself(sampler):
        return None
    description = str(sampler.get_description())
    if description == _OFF:
        return Never.ANY
    if not description.startswith("ParentBased{") or not all(part in description for part in _FOLLOWS):
        return None
    return Never.UNLESS_SAMPLED if f"root:{_OFF}," in description else Never.UNSAMPLED


def _describes_itself(sampler: Any) -> bool:
    # A subclass that decides in its own way may have inherited what it says of itself.
    for members in (getattr(sampler, "__dict__", {}), *map(vars, type(sampler).__mro__)):
        if "should_sample" in members or "get_description" in members:
            return "get_description" in members
    return False
