"""Keeps the results."""

from __future__ import annotations

from typing import Any


class RowReorderBuffer:
    """As little of a buffer as there can be."""

    def __init__(self) -> None:
        self.tickets: dict[int, Any] = {}

    def submit(self, token_id: str) -> int:
        """Take a ticket."""
        self.tickets[len(self.tickets)] = token_id
        return len(self.tickets) - 1

    def complete(self, ticket: int, result: Any) -> None:
        """Keep the result of a ticket."""
        self.tickets[ticket] = result
