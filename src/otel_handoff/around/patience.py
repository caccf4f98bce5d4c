"""Where it is worth holding a worker back: not where the host only ever waits for it."""

from __future__ import annotations

from typing import Final

_MOST_PASSED_OVER: Final = 31


class Patience:
    """Doubles, for each place, how many chances are passed over after each hold that was in vain, up to 31.

    A host that waits for each row before it submits the next so loses the bound about seven times per place, and then
    once in 32; a hold that was worth it starts the count anew. Two workers may both count one chance: that is no harm.
    """

    def __init__(self) -> None:
        self._in_vain: dict[str, int] = {}
        self._to_pass_over: dict[str, int] = {}

    def is_worth_it(self, place: str) -> bool:
        """Whether to hold a worker at this place, this time."""
        left = self._to_pass_over.get(place, 0)
        if left:
            self._to_pass_over[place] = left - 1
        return not left

    def learn(self, place: str, *, moved: bool) -> None:
        """Say of a hold whether anything had moved on at the end of it."""
        times = 0 if moved else self._in_vain.get(place, 0) + 1
        self._in_vain[place] = times
        self._to_pass_over[place] = min(2**times - 1, _MOST_PASSED_OVER)
