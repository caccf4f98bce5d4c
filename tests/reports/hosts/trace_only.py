"""open-telemetry/opentelemetry-python-contrib#1009, huggingface/smolagents#2221 and stanfordnlp/dspy#8505, in small.

Nothing is shared, and no id is wrong: only the trace does not get to the pool. `executor`: `run_in_executor`; `map`:
`Executor.map`; `to_thread`: `asyncio.to_thread`, which carries it by itself.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from otel_handoff import Boundary
from tests.reports.books import books
from tests.reports.expected import Expected

EXPECTED = Expected(
    shared="nothing: only the trace is wanted",
    records=3,
    wrong=0,
    culprit="",
    said=("nothing is compared",),
    why="No id is declared: the trace is carried, nothing is checked, and that is said.",
)


class Service:
    """Works in a pool."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(2)

    async def hand_over(self, variant: str, name: str) -> None:
        if variant == "map":
            list(self.pool.map(self.work, [name]))
        elif variant == "to_thread":
            await asyncio.to_thread(self.work, name)
        else:
            await asyncio.get_running_loop().run_in_executor(self.pool, self.work, name)

    def work(self, name: str) -> None:
        books.file(name, name)


def declared(variant: str) -> Boundary:
    assert variant
    return Boundary("service", work=f"{__name__}:Service.work", fields={})


def run(variant: str) -> None:
    service = Service()

    async def request(name: str) -> None:
        with books.request(name):
            await service.hand_over(variant, name)

    async def main() -> None:
        await asyncio.gather(*(request(f"r{n}") for n in range(3)))

    asyncio.run(main())
