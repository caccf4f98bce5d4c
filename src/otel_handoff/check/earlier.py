"""What earlier versions put on spans under other names, and what is still read. docs/telemetry.md has the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

MISMATCH: Final = "handoff.mismatch"
"""boolean: `true`; also the name of the event"""
LOCATION: Final = "handoff.mismatch.location"
"""string: where the worker was: `engine/transform.py:431 in execute`"""
_CULPRIT_ID: Final = "handoff.culprit.submission."
"""as the id: the ids of the submission that a write was made for; its number was there, too, as `id`"""


def culprit_of(report: Mapping[str, Any], *, has_id: bool) -> tuple[int | None, dict[str, Any]]:
    """Return the number of the submission that a write was made for, and its ids.

    Args:
        report: the attributes of an event.
        has_id: whether its boundary has a field that is named `id`, which had taken the place of the number.
    """
    ids = {name.removeprefix(_CULPRIT_ID): id_ for name, id_ in report.items() if name.startswith(_CULPRIT_ID)}
    if has_id or not isinstance(ids.get("id"), int):
        return None, ids
    return ids.pop("id"), ids
