"""The names of the telemetry, as those who store it have to keep them."""

from __future__ import annotations

from otel_handoff.record import semconv

OURS = {value for value in vars(semconv).values() if isinstance(value, str) and value.startswith("handoff.")}


def test_no_name_is_a_namespace_of_another() -> None:
    """A store that nests by the dots cannot hold both `a` and `a.b`; and in `a.<field>` there is room for any field."""
    names = {f"{name}<field>" if name.endswith(".") else name for name in OURS}
    spaces = {name.rpartition(".")[0] for name in names}
    assert {name for name in names if any(space == name or space.startswith(f"{name}.") for space in spaces)} == set()
    fields = {name.removesuffix("<field>") for name in names if name.endswith("<field>")}
    assert {name for name in names for space in fields if name.startswith(space) and name != f"{space}<field>"} == set()
