"""Building from a clean clone of the last commit."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]

_TIMEOUT: Final = 900
"""Seconds; of half a gigabyte that is not in pip's cache, downloading takes the most."""


def run(*command: str | Path, cwd: Path = ROOT, code: int = 0, **environment: str) -> str:
    """Run a command, and return what it prints.

    Raises:
        AssertionError: its exit code is not `code`; with what it said.
    """
    # PYTHONPATH may lead to the sources, and so hide what the wheel lacks.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode != code:
        said = f"{done.stdout[-3000:]}{done.stderr[-3000:]}"
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}, not {code}:\n{said}")
    return done.stdout


def cloned(directory: Path, umask: int) -> Path:
    """Clone the last commit into a new directory, with file times of now and permissions by `umask`."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    before = os.umask(umask)
    try:
        run("git", "clone", "--quiet", "--no-local", ROOT, directory)
        for number, file in enumerate(sorted(directory.rglob("*"))):
            if ".git" not in file.parts:
                os.utime(file, (umask * 1e6 + number, umask * 1e6 + number))  # builds years apart
    finally:
        os.umask(before)
    return directory


def build(tree: Path, into: Path, *, from_sdist: bool) -> tuple[Path, Path]:
    """Build the wheel, from the tree or from the sdist, and the sdist; dated by the commit.

    Returns:
        The wheel and the sdist.
    """
    epoch = run("git", "log", "-1", "--format=%ct", cwd=tree).strip()
    hatchling = (sys.executable, "-m", "hatchling", "build", "-d", into)
    run(*hatchling, "-t", "sdist", cwd=tree, SOURCE_DATE_EPOCH=epoch)
    (sdist,) = into.glob("*.tar.gz")
    source = unpacked(sdist, into / "unpacked") if from_sdist else tree
    run(*hatchling, "-t", "wheel", cwd=source, SOURCE_DATE_EPOCH=epoch)
    (wheel,) = into.glob("*.whl")
    return wheel, sdist


def unpacked(sdist: Path, into: Path) -> Path:
    """Unpack an sdist, and return the directory that it is."""
    with tarfile.open(sdist) as archive:
        archive.extractall(into, filter="data")
    (tree,) = into.iterdir()
    return tree
