"""The registry for OpenTelemetry Weaver is what the code emits."""

from __future__ import annotations

from collections import Counter
from typing import Any

import yaml

from otel_handoff.declare.settings import MODES
from otel_handoff.record import semconv
from otel_handoff.record.mismatch import EVIDENCE, OUTCOMES
from tests.docs import registry


def groups() -> list[dict[str, Any]]:
    """What is committed."""
    return yaml.safe_load(registry.FILE.read_text("utf-8"))["groups"]


def test_it_is_up_to_date() -> None:
    """Whoever changes a name or its meaning makes it anew: python -m tests.docs.registry --write."""
    assert registry.text() == registry.FILE.read_text("utf-8")
    assert registry.manifest() == registry.MANIFEST.read_text("utf-8")


def test_every_name_is_in_it() -> None:
    """Ours are defined, once, and used; the others are those of the general conventions, on which it depends."""
    defined = Counter(one["id"] for group in groups() for one in group["attributes"] if "id" in one)
    used = {one["ref"] for group in groups() for one in group["attributes"] if "ref" in one}
    assert set(defined.values()) == {1}
    assert defined.keys() == {name for name in used if name.startswith("handoff.")}
    assert {name.partition(".")[0] for name in used} == {"handoff", "thread", "code", "error"}
    names = {value.removesuffix(".") for value in vars(semconv).values() if isinstance(value, str) and "." in value}
    ours = {name for name in names if name.startswith("handoff.")}
    others = {group[key] for group in groups() for key in ("name", "metric_name") if key in group}
    assert ours == defined.keys() | others
    assert len({group["id"] for group in groups()}) == len(groups())


def test_the_known_values_are_all_there() -> None:
    """Of each attribute that has but a few."""
    types = {one["id"]: one["type"] for group in groups() for one in group["attributes"] if "id" in one}
    told = {name: [member["value"] for member in kind["members"]] for name, kind in types.items() if "members" in kind}
    assert told[semconv.MISMATCH_EVIDENCE] == list(EVIDENCE)
    assert told[semconv.MISMATCH_OUTCOME] == list(OUTCOMES)
    assert told[semconv.MODE] == [mode for mode in MODES if mode != "off"]
