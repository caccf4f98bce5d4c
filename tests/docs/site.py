"""Build the documentation as a site, in build/site: `python -m tests.docs.site`.

The pages are laid out at the paths that they have in the repository, so that one link serves both. Besides what a
strict build refuses (a link or an anchor that leads nowhere) this refuses whatever a reader's browser would fetch from
elsewhere.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tests.docs.api import for_site

ROOT: Final = Path(__file__).parents[2]
_PAGES: Final = ROOT / "build" / "pages"
_SITE: Final = ROOT / "build" / "site"


def sources() -> Iterator[Path]:
    """Yield what the site is made of: the project's own pages, their pictures, and the two of the dashboards."""
    yield from sorted(ROOT.glob("*.md"))
    yield from sorted(path for path in (ROOT / "docs").rglob("*") if path.is_file())
    yield ROOT / "dashboards" / "README.md"
    yield ROOT / "dashboards" / "alerts" / "runbook.md"


class Fetched(HTMLParser):
    """The addresses that a browser fetches for a page by itself, of those that are not the site's own."""

    def __init__(self, page: str) -> None:
        """Read a page."""
        super().__init__()
        self.elsewhere: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what is fetched without a click: a link's address only where it is not an anchor's."""
        for name, value in attrs:
            loads = name in ("src", "srcset", "data", "poster") or (name == "href" and tag in ("link", "image", "use"))
            if loads and value is not None and value.startswith(("http:", "https:", "//")):
                self.elsewhere.append(value)


def main() -> int:
    """Return 0 if the site is built and whole."""
    if find_spec("zensical") is None:
        sys.stderr.write("The site is built by Zensical, on Python 3.11 or later: pip install -e '.[docs]'\n")
        return 2
    for directory in (_PAGES, _SITE):
        shutil.rmtree(directory, ignore_errors=True)
    for path in sources():
        copy = _PAGES / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    api = _PAGES / "docs" / "api.md"
    api.write_text(for_site(api.read_text("utf-8")), "utf-8")
    built = subprocess.run([sys.executable, "-m", "zensical", "build", "--strict", "--clean"], cwd=ROOT, check=False)
    if built.returncode:
        return built.returncode
    fetched = {url for page in _SITE.rglob("*.html") for url in Fetched(page.read_text("utf-8")).elsewhere}
    if fetched:
        sys.stderr.write(f"A reader's browser would fetch {', '.join(sorted(fetched))}\n")
        return 1
    sys.stdout.write(f"{_SITE / 'index.html'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
