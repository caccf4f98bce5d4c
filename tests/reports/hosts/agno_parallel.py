"""agno 2.5.1, agno-agi/agno#6590: `Parallel` gives one `run_context` to the threads of all its branches.

The agent of each branch writes its `output_schema` into it, and makes its model's answer into what is there by then.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import Any

import agno.utils.log
from agno.agent import Agent
from agno.models.base import Model
from agno.models.response import ModelResponse
from agno.run import RunContext
from agno.workflow.parallel import Parallel
from agno.workflow.step import Step
from agno.workflow.types import StepInput
from pydantic import BaseModel

from otel_handoff import Boundary, Call
from tests.reports.books import WAIT, Record, books
from tests.reports.expected import Expected

EXPECTED = Expected(
    shared="`run_context.output_schema`, by all branches",
    records=3,
    wrong=2,
    culprit="_run_options.py in apply_to_context",
    prevented=False,
)

for _logger in (agno.utils.log.logger, agno.utils.log.agent_logger, agno.utils.log.workflow_logger):
    _logger.setLevel(logging.CRITICAL + 1)


class Invoice(BaseModel):
    """What the first branch is to answer with."""

    kind: str


class Letter(BaseModel):
    """What the second is."""

    kind: str


class Photo(BaseModel):
    """What the third is."""

    kind: str


BRANCHES: tuple[type[BaseModel], ...] = (Invoice, Letter, Photo)
all_asked = threading.Barrier(len(BRANCHES), timeout=WAIT)
turn = threading.Semaphore(1)
traced: dict[str, bool] = {}


class InTurn(Agent):
    """Begins when the one before has asked, so that each asks for what it has written itself."""

    def run(self, *args: Any, **kwargs: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        assert turn.acquire(timeout=WAIT)
        return super().run(*args, **kwargs)


@dataclass
class SlowModel(Model):
    """Answers when each branch has asked."""

    owner: str = ""

    def invoke(self, *_: Any, **__: Any) -> ModelResponse:
        traced[self.owner] = books.is_traced(self.owner)
        turn.release()
        all_asked.wait()
        return ModelResponse(content='{"kind": "any"}', role="assistant")

    async def ainvoke(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def invoke_stream(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    async def ainvoke_stream(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    def _parse_provider_response(self, response: Any, **_: Any) -> Any:
        raise NotImplementedError

    def _parse_provider_response_delta(self, response: Any) -> Any:
        raise NotImplementedError


def declared() -> Boundary:
    return Boundary(
        "agno",
        work="agno.workflow.step:Step.execute",
        context="run_context",
        fields={"schema": "output_schema.__name__"},
        ids={"schema": "self.agent.output_schema.__name__"},
        calls=[
            Call(
                "agno.agent._response:convert_response_to_structured_format",
                {"schema": "run_context.output_schema.__name__"},
            )
        ],
    )


def run() -> None:
    branches = [_branch(schema) for schema in BRANCHES]
    with books.request("run"):
        books.belongs(*(schema.__name__ for schema in BRANCHES))
        context = RunContext(run_id="run", session_id="session", session_state={})
        done = Parallel(*branches, name="all").execute(StepInput(input="any"), run_context=context)
    for step in done.steps or ():
        if isinstance(step.content, BaseModel):  # else it was refused
            owner = str(step.step_name)
            books.records.append(Record(owner, type(step.content).__name__, traced[owner]))


def _branch(schema: type[BaseModel]) -> Step:
    name = schema.__name__
    agent = InTurn(
        name=name, model=SlowModel(id="slow", owner=name), output_schema=schema, use_json_mode=True, telemetry=False
    )
    return Step(name=name, agent=agent, max_retries=0)
