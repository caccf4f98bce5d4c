"""Taking keys and passwords out of what is shown: libraries put addresses and headers into their messages."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

_USER: Final = re.compile(r"(?<=//)[^/\s@]+@|(?<![\w.%+-])[\w.%+-]+:[^\s/@]+@(?=[\w\[])")
_QUERY: Final = re.compile(r"(?<=\S)\?[^\s?'\")\]]+=[^\s'\")\]]*")
_HEADERS: Final = re.compile(r"(?<=does not match schema: )(?=.*headers).*(?= \(at )", re.DOTALL)
"""What `opentelemetry-configuration` quotes of a file whose headers are not as they should be."""
HIDDEN: Final = "(hidden)"


def without_secrets(text: str, more: Iterable[str] = ()) -> str:
    """Return `text` without users and queries of addresses, and without the values of headers.

    Args:
        text: anything.
        more: values to hide besides those of the environment's `OTEL_..._HEADERS` and of a key of ours.
    """
    for secret in sorted({*_of_environment(), *more}, key=len, reverse=True):
        if len(secret) > 3:
            text = text.replace(secret, HIDDEN)
    return _HEADERS.sub(HIDDEN, _QUERY.sub("", _USER.sub("", text)))


def hidden(value: Any) -> Any:
    """Return the same for all text in lists and dicts."""
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, Mapping):
        return {key: hidden(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, (list, tuple)):
        return [hidden(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def _of_environment() -> Iterator[str]:
    for name, text in os.environ.items():
        if name.startswith("OTEL_HANDOFF_") and name.endswith("_KEY"):
            yield text
        if name.startswith("OTEL_") and "HEADERS" in name:
            yield text
            for pair in text.split(","):
                value = pair.partition("=")[2].strip()
                yield from (pair.strip(), value, unquote(value), *value.split(), *unquote(value).split())
