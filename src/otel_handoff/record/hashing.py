"""Ids as they leave the process with `OTEL_HANDOFF_IDS=hashed`."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Final

from otel_handoff.host.spelling import spellings
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

    __slots__ = ("_key", "_sign")

    def __init__(self, key: str = "") -> None:
        """Use `key`; without one, whoever can guess an id can tell that a hash is of it."""
        self._key = key.encode("utf-8", "surrogateescape")  # as the environment has it
        self._sign: str | None = None

    @property
    def sign(self) -> str:
        """What tells whether two processes have the same key; empty for none. It tells no more of it than a hash."""
        if self._sign is None:
            self._sign = hmac.new(self._key, b"otel-handoff", "sha256").hexdigest()[:8] if self._key else ""
        return self._sign

    def __call__(self, value: object) -> str:
        """Return the hash of an id; not of None, which is none. What came as a hash is one already."""
        if isinstance(value, Hashed):
            return str.__str__(value)
        text = str(attribute_value(value)).encode("utf-8", "surrogatepass")
        digest = hmac.new(self._key, text, "sha256") if self._key else hashlib.sha256(text)
        return f"{PREFIX}{digest.hexdigest()[:_DIGITS]}"


class Hashed(str):  # noqa: SLOT000  it has one
    """An id that came from another process as its hash: it is equal to whatever has that hash, in a usual spelling."""

    by: Hash
    """Makes the hashes of others."""

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Hashed):
            return str.__eq__(self, other)
        if other is None:
            return False
        return any(self.by(each) == str.__str__(self) for each in (attribute_value(other), *spellings(other)))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return str.__hash__(self)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str.__str__(self),)


def hashed(text: str, by: Hash) -> Hashed:
    """Return what came as the hash `text`, which `by` makes."""
    made = Hashed(text)
    made.by = by
    return made


def key() -> str:
    """Return the key that the environment holds, or an empty string."""
    return os.environ.get(OTEL_HANDOFF_IDS_KEY, "").strip()
