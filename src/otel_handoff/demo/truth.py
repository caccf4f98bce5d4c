"""What went wrong, by the landscape alone: nothing here knows what the detector reported."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class WrongCall:
    """A call that is filed under an attempt it was not made for.

    Attributes:
        true_state_id: the attempt that made it, by what its request says; None if there is no such attempt.
        filed_state_id: the attempt it is filed under.
        true_row_id: the row that made it.
        filed_row_id: the row it is filed under.
        call_index: its number under `filed_state_id`.
        request: its number among the requests of the attempt that made it, from 0.
    """

    true_state_id: str | None
    filed_state_id: str
    true_row_id: str
    filed_row_id: str
    call_index: int
    request: int


@dataclass(frozen=True)
class MisroutedResult:
    """A result that was sent on under an attempt it does not belong to.

    Attributes:
        true_state_id: the attempt that produced it, by what it says itself; None if there is no such attempt.
        routed_state_id: the attempt it was routed under, None if under none.
        delivered: whether somebody got it; otherwise it was lost, and its own row waited in vain.
    """

    true_state_id: str | None
    routed_state_id: str | None
    delivered: bool


@dataclass(frozen=True)
class Truth:
    """The count of a landscape."""

    rows: int
    attempts: int
    calls: int
    wrong_calls: list[WrongCall]
    misrouted_results: list[MisroutedResult]


def count(database: Path) -> Truth:
    """Compare, in a closed landscape, what each call and result says of itself with where it went.

    A call is wrong when the row and attempt in its request are not those of the state it is filed under. A result is
    misrouted when the row and attempt in it are not those of the state, or the row not that of the token, it was
    emitted with; late results of attempts that were given up are never emitted, so they are not among them.

    Raises:
        sqlite3.Error: it is no landscape.
    """
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        states: list[tuple[str, str, int]] = connection.execute(
            "SELECT state_id, row_id, attempt FROM node_states JOIN tokens USING (token_id)"
        ).fetchall()
        calls: list[tuple[str, int, str]] = connection.execute(
            "SELECT state_id, call_index, request_json FROM calls ORDER BY rowid"
        ).fetchall()
        emissions: list[tuple[str, str | None, int, str | None]] = connection.execute(
            "SELECT row_id, state_id, delivered, output_json FROM emissions JOIN tokens USING (token_id)"
        ).fetchall()
        (rows,) = connection.execute("SELECT count(*) FROM rows").fetchone()
    owners = {state_id: (row_id, attempt) for state_id, row_id, attempt in states}
    state_of = {owner: state_id for state_id, owner in owners.items()}
    wrong_calls: list[WrongCall] = []
    for filed, call_index, request_json in calls:
        request: Mapping[str, Any] = json.loads(request_json)["json"]
        made_for = (request["row"], request["attempt"])
        if made_for != owners[filed]:
            true, number = state_of.get(made_for), request["request"]
            wrong_calls.append(WrongCall(true, filed, made_for[0], owners[filed][0], call_index, number))
    misrouted: list[MisroutedResult] = []
    for emitted_row_id, routed, delivered, output_json in emissions:
        # A transform that raised leaves no result that could say whose it is.
        if output_json is not None:
            output: Mapping[str, Any] = json.loads(output_json)
            made_for = (output["row"], output["attempt"])
            if made_for[0] != emitted_row_id or routed is None or made_for != owners.get(routed):
                misrouted.append(MisroutedResult(state_of.get(made_for), routed, bool(delivered)))
    return Truth(rows, len(states), len(calls), wrong_calls, misrouted)
