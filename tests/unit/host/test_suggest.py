"""A mistake in a name is answered with the nearest right one, if there is any."""

from __future__ import annotations

import sys

import pytest

from otel_handoff import Boundary
from otel_handoff.host.suggest import can_be_found, nearest, nearest_module


@pytest.mark.parametrize(
    ("name", "names", "said"),
    [
        ("tennant", ["tenant", "order_id"], " Did you mean 'tenant'?"),
        ("orderid", ["tenant", "order_id"], " Did you mean 'order_id'?"),
        ("context", ["payload", "row"], ""),
        ("tenant", [], ""),
        ("tenant", ["tenant"], ""),  # that is what was written
        ("init", ["__init__"], ""),  # nobody means these
        ("submitt", iter(["submit", "submit_all"]), " Did you mean 'submit'?"),
    ],
)
def test_the_nearest(name: str, names: list[str], said: str) -> None:
    """It is named only where it is near."""
    assert nearest(name, names) == said


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("otel_handof:Boundary", " Did you mean 'otel_handoff'?"),
        ("json.decodre:JSONDecoder", " Did you mean 'json.decoder'?"),
        ("jsno.decoder:JSONDecoder", " Did you mean 'json'?"),
        ("json.JSONDecoder:decode", " Did you mean 'json:JSONDecoder.decode'?"),
        ("zzqqzz:f", ""),
    ],
)
def test_a_module(target: str, said: str) -> None:
    """Also one in a package, and a class that is written where a module is."""
    assert not can_be_found(target.partition(":")[0])
    assert nearest_module(target) == said


@pytest.mark.parametrize("module", ["json", "json.decoder", "os.path", "xml.dom.minidom"])
def test_a_module_that_is_there(module: str) -> None:
    """Imported or not; and it is not for this."""
    assert can_be_found(module)
    assert "xml.dom.minidom" not in sys.modules


def test_in_a_declaration() -> None:
    """A field that is not declared is refused, with the one that was perhaps meant."""
    with pytest.raises(ValueError, match=r"unknown field 'ordr'; its fields are order\. Did you mean 'order'\?"):
        Boundary("rows", "shop:submit", "shop:work", fields={"order": "order"}, row="ordr")
