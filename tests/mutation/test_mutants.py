"""The mutants follow the code, so that `python -m tests.mutation` cannot rot unnoticed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.mutation.mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "otel_handoff"


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mutant_can_still_be_made(mutant: Mutant, tmp_path: Path) -> None:
    """Its old text is there exactly once, what comes of it is Python, and its tests exist."""
    module = tmp_path / "otel_handoff" / f"{mutant.module}.py"
    module.parent.mkdir(parents=True)
    original = PACKAGE / f"{mutant.module}.py"
    shutil.copy(original, module)
    mutant.apply(tmp_path)
    text = module.read_text(encoding="utf-8")
    compile(text, module, "exec")
    assert text != original.read_text(encoding="utf-8")
    assert (ROOT / mutant.tests.partition(" ")[0].partition("::")[0]).exists()


def test_a_mutant_whose_text_is_gone_is_an_error(tmp_path: Path) -> None:
    """Once in the module, and no other number of times."""
    module = tmp_path / "otel_handoff" / "some.py"
    module.parent.mkdir()
    for text in ("nothing of it", "old, old"):
        module.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=r"not once, in some\.py: 'old'"):
            Mutant("some", "mutant", "old", "new", "Something.", "tests").apply(tmp_path)
        assert module.read_text(encoding="utf-8") == text


def test_names_are_of_one_mutant_each() -> None:
    """A name says which."""
    assert len({str(mutant) for mutant in MUTANTS}) == len(MUTANTS)
