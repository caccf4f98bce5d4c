"""Build the package twice, compare, and try it in empty environments; the files are left in dist/."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.release.build import ROOT, build, cloned
from tests.release.contents import unexpected
from tests.release.environments import smoke, tested


def main() -> int:
    """Return 0; anything that is not as it should be is an error."""
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        # Two trees of one commit: other paths, file times and permissions, and the wheel once from the sdist.
        first = build(cloned(base / "one", umask=0o022), base / "first", from_sdist=False)
        second = build(cloned(base / "elsewhere" / "two", umask=0o077), base / "second", from_sdist=True)
        for one, two in zip(first, second, strict=True):
            if (one.name, one.read_bytes()) != (two.name, two.read_bytes()):
                raise AssertionError(f"{one.name} is not built alike twice")
        wheel, sdist = first
        odd = unexpected(wheel, sdist)
        if odd:
            raise AssertionError("\n".join(("what is in the package is not what should be:", *odd)))
        smoke(wheel, base / "smoke")
        tested(sdist, base / "sdist")
        dist = ROOT / "dist"
        dist.mkdir(exist_ok=True)
        for file in first:
            shutil.copy(file, dist)
            sys.stdout.write(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  dist/{file.name}\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (AssertionError, subprocess.CalledProcessError) as error:
        sys.exit(f"make package: {error}")
