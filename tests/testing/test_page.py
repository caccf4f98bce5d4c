"""docs/is-my-plugin-safe.md does what it says."""

from __future__ import annotations

import re

from tests.testing.project import Project

pytest_plugins = ["pytester"]


def test_the_page_is_true(project: Project, page: str) -> None:
    """Its test passes, and fails under the command that it names, with that report; the fixed plugin passes."""
    found = re.search(r"```python\n(# billing\.py, fixed\n.*?)```", page, re.DOTALL)
    assert found
    fixed = found[1]
    plain = project.checked("test_billing.py")
    assert (plain.code, plain.outcomes) == (0, {"test_every_order_is_billed": "PASSED"})

    (seed,) = re.findall(r"\$ pytest .*--handoff-provoke-seed (\d+)", page)
    options = ("--handoff-provoke-seed", seed, "test_billing.py")
    provoked = project.checked(*options)
    assert provoked.outcomes == {"test_every_order_is_billed": "FAILED"}
    for line in (
        "HANDOFF MISMATCH (used): a call was filed under ids of another submission: order_id=",
        "/billing.py:8 in process",
        "/shop.py:27 in sell",
        f"Provoked; again: pytest --handoff --handoff-boundaries=shop:BOUNDARIES --handoff-provoke-seed {seed} 'test_",
    ):
        assert line in page
        assert line in provoked.printed

    least = project.checked("--handoff-provoke-seed", "0", "test_billing.py")
    assert "PROVOKED (again: --handoff --handoff-boundaries=shop:BOUNDARIES --handoff-provoke-seed 0)" in least.printed

    project.write("billing", fixed)
    for again in (options, ("--handoff-provoke", "test_billing.py")):
        run = project.checked(*again)
        assert (run.code, run.outcomes) == (0, {"test_every_order_is_billed": "PASSED"})
        assert re.search(
            r"no mismatch in 4 rows judged.*, workers held back \d+ times .*PROVOKED \(again: ", run.printed
        )
