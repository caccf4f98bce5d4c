"""The parts that pages are made of: one HTML file that needs nothing else, and asks for nothing.

`document` is the whole, with a policy that allows its one style and its one script by their hashes. Whatever comes from
a trace goes through `esc`.
"""

from __future__ import annotations

import base64
import hashlib
import html
import zlib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from string import Template
from typing import Any, Final

from otel_handoff.check.words import printable

_LONGEST: Final = 160
_LONGEST_LINE: Final = 2000
STYLE: Final = "page.css"
SCRIPTS: Final = ("page.js", "run.js", "search.js")


def esc(value: object, longest: int = _LONGEST) -> str:
    """Return `value` as text of a page: escaped, on one line, and not endless."""
    text = str(value)
    if len(text) > longest:
        text = f"{text[:longest]}… ({len(text):,} characters)"
    return html.escape(printable(text))


def esc_ids(ids: Mapping[str, Any]) -> str:
    """Return `state_id=state-17 token_id=token-17`, escaped."""
    return " ".join(f"{esc(name)}={esc(value)}" for name, value in ids.items())


def lines(told: Iterable[str]) -> str:
    """Return lines of text, one below the other."""
    return "<br>".join(esc(line.strip(), _LONGEST_LINE) for line in told)


def preformatted(told: Iterable[str]) -> str:
    """Return lines as they are, for a `<pre>`: to be copied."""
    return "\n".join(esc(line, _LONGEST_LINE) for line in told)


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """Return a list of names with what is told of each, which is HTML; what is empty is left out."""
    told = "".join(f"<div><dt>{name}</dt><dd>{what}</dd></div>" for name, what in rows if what)
    return f'<dl class="facts">{told}</dl>'


def copied(text: object, what: str) -> str:
    """Return a button that copies `text`, for people who see it and for those who are told `what` it copies."""
    given = esc(text, _LONGEST_LINE)
    return f'<button class="copy" data-copy="{given}" aria-label="Copy {esc(what)}" title="Copy"></button>'


def packed(text: str) -> str:
    """Return `text` as base64 of zlib's format, which `unpack` of page.js reads."""
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def asset(name: str) -> str:
    """Return the text of a file beside this module."""
    return files("otel_handoff.report").joinpath(name).read_text(encoding="utf-8")


def document(title: str, header: str, body: str, made_by: str = "report", scripts: Iterable[str] = SCRIPTS) -> str:
    """Return a page.

    Args:
        title: as text of a page.
        header: HTML: what the page says first.
        body: HTML: the rest.
        made_by: the command of `otel-handoff` that makes it.
        scripts: the files beside this module that make up its script; it may have none.
    """
    style, script = asset(STYLE), "".join(map(asset, scripts))
    return Template(asset("page.html")).substitute(
        title=title,
        style=style,
        style_hash=_hash(style),
        script=f"<script>{script}</script>" if script else "",
        script_source=f"'{_hash(script)}'" if script else "'none'",
        made_by=made_by,
        header=header,
        body=body,
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
