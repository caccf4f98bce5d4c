"""Ids as they leave the process with `OTEL_HANDOFF_IDS=hashed`."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Final

from otel_handoff.record.semconv import attribute_value

OTEL_HANDOFF_IDS_KEY: Final = "OTEL_HANDOFF_IDS_KEY"
"""A secret. It is not among `environment_variables`, each of which is also a flag on a command line."""

PREFIX: Final = "hashed:"
"""Starts every hash, so that nobody takes one for an id."""

_DIGITS: Final = 16


class Hash:
    """Hashes ids. The same id under the same key has the same hash in every process, of any version.

    It is `hashed:` and the first 16 hex digits of SHA-256, or with a key of HMAC-SHA-256, of the id's attribute value,
    as text in UTF-8. Those are 64 bits: among ten million ids, two alike are a matter of one in 370,000.
    """

    __slots__ = ("_key",)

    def __init__(self, key: str = "") -> None:
        """Use `key`; without one, whoever can guess an id can tell that a hash is of it."""
        self._key = key.encode("utf-8", "surrogateescape")  # as the environment has it

    def __call__(self, value: object) -> str:
        """Return the hash of an id; not of None, which is none."""
        text = str(attribute_value(value)).encode("utf-8", "surrogatepass")
        digest = hmac.new(self._key, text, "sha256") if self._key else hashlib.sha256(text)
        return f"{PREFIX}{digest.hexdigest()[:_DIGITS]}"


def key() -> str:
    """Return the key that the environment holds, or an empty string."""
    return os.environ.get(OTEL_HANDOFF_IDS_KEY, "").strip()
