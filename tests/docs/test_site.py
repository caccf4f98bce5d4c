"""The site has every page, and its pages name all that they are to name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import yaml

import otel_handoff
from tests.docs import api, reference
from tests.docs.site import ROOT, Fetched, sources
from tests.docs.tables import DOCS, made

SOURCE = ROOT / "src" / "otel_handoff"


def pages_of(nav: Any) -> Iterator[str]:
    """Yield the pages of a navigation."""
    for entry in nav:
        if isinstance(entry, str):
            yield entry
        else:
            for below in entry.values():
                yield from pages_of([below] if isinstance(below, str) else below)


def test_every_page_is_in_the_navigation() -> None:
    """Once, and each of them is there: the build says nothing of a page that is not."""
    listed = list(pages_of(yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]))
    pages = [path.relative_to(ROOT).as_posix() for path in sources() if path.suffix == ".md"]
    assert sorted(listed) == sorted(pages)


def test_the_readme_has_the_same_two_shelves() -> None:
    """What is on each, and in the order that they have on the site."""
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]
    shelves = {name: list(pages_of(pages)) for entry in nav for name, pages in entry.items() if name != "Home"}
    readme = (ROOT / "README.md").read_text("utf-8")
    told = re.findall(r"^\*\*(.+)\.\*\* ((?:.+\n)+)", readme, re.MULTILINE)
    assert {name: re.findall(r"\]\((.+?)\)", links) for name, links in told} == shelves


def test_what_a_browser_fetches_is_told_from_what_a_reader_follows() -> None:
    """A font, a script and a picture of elsewhere are found; an address to click on, and the site's own, are not."""
    page = """
        <link rel="stylesheet" href="https://fonts.example/css"><script src="//cdn.example/mermaid.js"></script>
        <img src="https://badge.example/x.svg"><img src="../images/race.svg"><a href="https://example.com">read</a>
    """
    assert Fetched(page).elsewhere == [
        "https://fonts.example/css",
        "//cdn.example/mermaid.js",
        "https://badge.example/x.svg",
    ]


def test_the_reference_is_up_to_date() -> None:
    """Whoever changes a command or a setting makes it anew: python -m tests.docs.reference --write."""
    for path, tables in reference.PAGES.items():
        page = path.read_text("utf-8")
        assert page == made(page, tables), path.name


def test_a_reference_that_is_not_is_found() -> None:
    """An option, a variable and an example that were changed on the page alone."""
    for path, tables in reference.PAGES.items():
        page = path.read_text("utf-8")
        for text in ("`--records FILE`", "`OTEL_HANDOFF_TRACE`", "`--handoff-provoke-seed N`", "check traces.jsonl\n"):
            assert made(page.replace(text, "changed"), tables) == page


def test_every_variable_has_its_meaning() -> None:
    """A variable without a docstring would be left out of the page."""
    names = {name for name in vars(reference.environment_variables) if name.startswith("OTEL_")}
    assert reference.variables().keys() == names


def test_the_api_page_has_every_public_name() -> None:
    """Whatever `otel_handoff` offers is documented, as it is: python -m tests.docs.api --write makes it anew."""
    page = api.PAGE.read_text("utf-8")
    assert page == made(page, api.PAGES[api.PAGE])
    for text in (page, api.for_site(page)):
        shown = set(re.findall(r"^(?:<!-- made of|:::) otel_handoff\.(\w+)", text, re.MULTILINE))
        assert shown >= set(otel_handoff.__all__) - {"__version__"}
    assert "<!--" not in api.for_site(page)


def test_every_extra_that_is_named_is_there() -> None:
    """In a page, a message or a docstring that says what to install."""
    files = [
        *ROOT.glob("*.md"),
        *(path for top in ("docs", "src", "tests", "dashboards") for path in (ROOT / top).rglob("*")),
    ]
    texts = [path.read_text("utf-8") for path in files if path.suffix in (".md", ".py")]
    named = {
        name for text in texts for names in re.findall(r"otel-handoff\[([\w,]+)\]", text) for name in names.split(",")
    }
    assert named >= {"sdk", "demo"}
    assert named <= set(metadata("otel-handoff").get_all("Provides-Extra") or ())


def modules() -> list[Path]:
    """Return the modules of the package, relative to it."""
    return sorted(path.relative_to(SOURCE) for path in SOURCE.rglob("*.py") if path.name != "__init__.py")


def test_the_architecture_page_names_every_module() -> None:
    """In the line of its folder, where it is in one; and none that is not there."""
    lines = re.findall(r"^\| (`.+?) \| (.*) \|$", (DOCS / "architecture.md").read_text("utf-8"), re.MULTILINE)
    start = next(number for number, (first, _) in enumerate(lines) if first == "`boundary`")
    end = next(number for number, (first, _) in enumerate(lines) if first.startswith("`tests/"))
    named: set[str] = set()
    for first, rest in lines[start:end]:
        folder = first.strip("`") if first.endswith("/`") else ""
        named.update(folder + name for name in re.findall(r"`([\w/]+)`", rest if folder else first))
    assert {path.with_suffix("").as_posix() for path in modules()} <= named
    assert {name for name in named if not (SOURCE / f"{name}.py").exists()} == set()
