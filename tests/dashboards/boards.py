"""What stands in the shipped files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from tests.dashboards.servers import ROOT

FOLDER: Final = ROOT / "dashboards"
IN_YOUR_TOOL: Final = ROOT / "docs" / "in-your-tool.md"
BOARDS: Final = sorted((FOLDER / "grafana").glob("*.json"))
_VALUES: Final = {"__range": "5m", "__rate_interval": "5m", "job": ".+", "instance": ".+", "boundary": ".+"}


def board(name: str) -> dict[str, Any]:
    """Return a dashboard."""
    return json.loads((FOLDER / "grafana" / f"{name}.json").read_text("utf-8"))


def rules() -> list[dict[str, Any]]:
    """Return the alert rules."""
    groups = yaml.safe_load((FOLDER / "alerts" / "handoff.rules.yml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def promql(name: str) -> Iterator[str]:
    """Yield each PromQL expression of a dashboard, with its variables filled in."""
    found = board(name)
    expressions = [target["expr"] for panel in found["panels"] for target in panel.get("targets", ())]
    expressions += [annotation["expr"] for annotation in found["annotations"]["list"]]
    for variable in found["templating"]["list"]:
        if variable["type"] == "query":
            selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]).groups()  # type: ignore[union-attr]
            expressions.append(f"count by ({label}) ({selector})")
    for expression in expressions:
        yield re.sub(r"\$(\w+)", lambda used: _VALUES[used[1]], expression)


def traceql() -> list[str]:
    """Return each TraceQL query: those of the board, and those that are written down for the command line."""
    of_board = [target["query"] for panel in board("traces")["panels"] for target in panel["targets"]]
    pages = (FOLDER / "queries" / "traceql.md").read_text("utf-8") + IN_YOUR_TOOL.read_text("utf-8")
    return [*of_board, *re.findall(r"```traceql\n(.*?)```", pages, re.DOTALL)]
