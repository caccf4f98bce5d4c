"""What the wheel and the sdist contain: every file of the repository that should be there, and nothing else."""

from __future__ import annotations

import re
import tarfile
import zipfile
from pathlib import Path
from typing import Final

from tests.release.build import run

_METADATA: Final = re.compile(
    r"otel_handoff-[^/]+\.dist-info/(METADATA|WHEEL|RECORD|entry_points\.txt|licenses/LICENSE)"
)
_NEEDED: Final = ("otel_handoff/py.typed", "otel_handoff/report/page.html", "otel_handoff/data/dashboards/README.md")


def unexpected(wheel: Path, sdist: Path) -> list[str]:
    """Return a line for each file that is there and should not be, or the other way round."""
    tracked = {name for name in run("git", "ls-tree", "-r", "--name-only", "HEAD").splitlines() if name}
    package = {name.removeprefix("src/") for name in tracked if name.startswith("src/")}
    boards = {
        f"otel_handoff/data/{name}"
        for name in tracked
        if name.startswith("dashboards/") and not name.startswith("dashboards/source/")
    }
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = {name for name in archive.namelist() if not _METADATA.fullmatch(name)}
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()} - {"PKG-INFO"}
    missing = set(_NEEDED) - in_wheel
    return [
        *_differences("the wheel", in_wheel, package | boards),
        *_differences("the sdist", in_sdist, tracked),
        *(f"the wheel lacks {name}" for name in sorted(missing)),
    ]


def _differences(what: str, found: set[str], wanted: set[str]) -> list[str]:
    return [f"{what} contains {name}" for name in sorted(found - wanted)] + [
        f"{what} lacks {name}" for name in sorted(wanted - found)
    ]
