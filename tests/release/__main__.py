"""Build the package twice, compare, and try it in empty environments; the files are left in dist/.

With `--all-extras`, the extras of those who work on it are installed too, and what they bring is imported.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.release.build import ROOT, build, cloned
from tests.release.contents import unexpected
from tests.release.environments import smoke, tested
from tests.release.extras import USED, others, tried
from tests.release.locked import locked


def main(options: list[str]) -> int:
    """Return 0; anything that is not as it should be is an error."""
    extras = [*USED, *(others() if "--all-extras" in options else ())]
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
        with ThreadPoolExecutor(2) as pool:
            trials = [pool.submit(tried, wheel, extra, base / extra) for extra in extras]
            trials += [pool.submit(locked, wheel, base / "locked")]
            trials += [pool.submit(smoke, wheel, base / "smoke"), pool.submit(tested, sdist, base / "sdist")]
            for trial in as_completed(trials):
                sys.stdout.write(f"{trial.result()}\n")
                sys.stdout.flush()
        dist = ROOT / "dist"
        dist.mkdir(exist_ok=True)
        for file in first:
            shutil.copy(file, dist)
            sys.stdout.write(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  dist/{file.name}\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (AssertionError, subprocess.CalledProcessError) as error:
        sys.exit(f"make package: {error}")
