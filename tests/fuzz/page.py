"""What a page is made of. Nothing in a trace may add to it."""

from __future__ import annotations

import base64
import re
import zlib
from html.parser import HTMLParser
from typing import Final

from otel_handoff.report.parts import SCRIPTS, STYLE, asset

_TAGS: Final = """
    a article b body br button circle code dd defs details dialog dl dt figure form g h1 h2 h3 head header html input
    kbd li line main marker meta nav ol output p path pre rect script section span style summary svg text title
    ul div template
"""
_ATTRIBUTES: Final = """
    aria-hidden aria-label aria-labelledby aria-pressed charset class content cx cy d data-base data-bin data-bins
    data-cells data-copy data-do data-facet data-facets data-found data-harmless data-highest data-holds data-ids
    data-least data-names data-number data-span data-value dx for height hidden href http-equiv id lang marker-end
    markerheight markerunits markerwidth method name open orient overflow placeholder r refx refy role rx
    text-anchor title type viewbox visibility width x x1 x2 y y1 y2
"""
_CODE: Final = {"script": SCRIPTS, "style": (STYLE,)}
_PACKED: Final = re.compile(r'<template class="pack" data-names="[m\d -]+">([\w+/=]+)</template>')


class _Parts(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.odd: list[str] = []
        self.code: dict[str, list[str]] = {name: [] for name in _CODE}
        self._within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS.split():
            self.odd.append(f"<{tag}>")
        self.odd += [f"<{tag} {name}>" for name, _ in attrs if name not in _ATTRIBUTES.split()]
        self.odd += [
            f"{name}={value!r}"
            for name, value in attrs
            if name == "href" and not re.fullmatch(r"#m\d+-\d+", value or "")
        ]
        self._within = tag if tag in _CODE else ""
        if self._within:
            self.code[tag].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within:
            self.code[self._within][-1] += data

    def handle_comment(self, data: str) -> None:
        self.odd.append(f"<!--{data}-->")

    def handle_pi(self, data: str) -> None:
        self.odd.append(f"<?{data}>")

    def unknown_decl(self, data: str) -> None:
        self.odd.append(f"<![{data}]>")


def foreign_parts(page: str) -> list[str]:
    """Return the elements and attributes of a page that are not the report's own, and whether its code is not."""
    parts = _Parts()
    parts.feed(page)
    for pack in _PACKED.findall(page):
        parts.feed(zlib.decompress(base64.b64decode(pack)).decode())
    parts.close()
    for tag, assets in _CODE.items():
        own = "".join(map(asset, assets))
        if parts.code[tag] != [own]:
            parts.odd.append(f"<{tag}> of somebody else's")
    return parts.odd
