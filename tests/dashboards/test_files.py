"""What is shipped holds together: each file by the tool that reads it, and the names by what the package emits."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from otel_handoff.check import earlier
from otel_handoff.record import semconv
from tests.dashboards import schema
from tests.dashboards.boards import BOARDS, FOLDER, IN_YOUR_TOOL, board, rules, traceql
from tests.dashboards.servers import ROOT, tool

ALERTS = FOLDER / "alerts"
COLLECTORS = sorted((FOLDER / "collector").glob("*.yaml"))


def run(*command: str, cwd: Path = ALERTS) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


# Grafana


def test_the_dashboards_are_what_their_sources_make() -> None:
    """Whoever changes the sources writes the JSON: python -m dashboards.source --write."""
    pytest.importorskip("grafana_foundation_sdk", reason="needs Python 3.11 or later")
    made = run(sys.executable, "-W", "ignore::DeprecationWarning", "-m", "dashboards.source", cwd=ROOT)
    assert (made.returncode, made.stdout + made.stderr) == (0, "")


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_a_dashboard_is_of_the_types_of_grafanas_schema(path: Path) -> None:
    """Nothing has a wrong type, and nothing is lost, as what the types do not know would be."""
    pytest.importorskip("grafana_foundation_sdk", reason="needs Python 3.11 or later")
    text = path.read_text("utf-8")
    dashboard = schema.typed(text)
    assert list(schema.faults(dashboard)) == []
    for link in dashboard.links:
        link.placement = None  # the one default that the sources take away
    assert schema.untyped(dashboard) == json.loads(text)


def test_a_wrong_type_is_found() -> None:
    """Deep down, where the SDK itself does not look."""
    pytest.importorskip("grafana_foundation_sdk", reason="needs Python 3.11 or later")
    changed = board("overview")
    changed["panels"][0]["options"]["colorMode"] = "purple"
    changed["panels"][12]["transformations"][0]["disabled"] = "no"
    assert [fault.partition(" is ")[0] for fault in schema.faults(schema.typed(json.dumps(changed)))] == [
        "dashboard.panels[0].options.color_mode",
        "dashboard.panels[12].transformations[0].disabled",
    ]


@pytest.mark.parametrize("name", [path.stem for path in BOARDS])
def test_the_panels_of_a_dashboard_have_ids_and_places_of_their_own(name: str) -> None:
    """Grafana's grid has 24 columns."""
    panels = board(name)["panels"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize("name", [path.stem for path in BOARDS])
def test_a_dashboard_has_the_variables_that_it_uses_and_no_others(name: str) -> None:
    """A data source is a variable too: nobody's uid is baked in."""
    found = board(name)
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(found))) - {"__range", "__rate_interval"}
    assert used == {variable["name"] for variable in found["templating"]["list"]}
    sources = [panel["datasource"]["uid"] for panel in found["panels"] if panel["type"] != "row"]
    assert all(re.fullmatch(r"\$\{\w+\}", uid) for uid in sources)


def test_the_dashboards_link_to_each_other() -> None:
    """By their uids, with the time and the boundary: a regular expression on one, a choice of several on the other."""
    links = [link for path in BOARDS for link in board(path.stem)["links"]]
    uids = {path.stem: board(path.stem)["uid"] for path in BOARDS}
    assert {link["url"] for link in links} == {
        f"/d/{uids['traces']}?var-boundary=${{boundary:pipe}}",
        f"/d/{uids['overview']}?${{boundary:queryparam}}",
    }
    assert all(link["keepTime"] for link in links)


def test_the_overview_is_as_dashboard_linter_has_it() -> None:
    """Its rules, but for what grafana/.lint says: variables, matchers, ranges, units, and words for each panel."""
    found = board("overview")
    source, *choices = found["templating"]["list"]
    assert (source["name"], source["label"], source["type"]) == ("datasource", "Data source", "datasource")
    assert [(one["name"], one["label"]) for one in choices] == [
        (name, name.title()) for name in ("job", "instance", "boundary")
    ]
    for one in choices:
        assert (one["multi"], one["allValue"], one["refresh"]) == (True, ".+", 2)
    assert found["editable"] is False
    panels = [panel for panel in found["panels"] if panel["type"] != "row"]
    for panel in panels:
        assert panel["title"]
        assert panel["description"]
        assert panel["type"] == "table" or panel["fieldConfig"]["defaults"]["unit"] in ("short", "ops", "s")
        for target in panel["targets"]:
            selectors = re.findall(r"\{[^{}]*\}", target["expr"])
            assert selectors
            for selector in selectors:
                assert 'job=~"$job"' in selector
                assert 'instance=~"$instance"' in selector
            assert re.findall(r"rate\([^[]*\[(?!\$__rate_interval\])", target["expr"]) == []
            if panel["type"] == "timeseries":  # the others are totals
                counters = re.findall(r"(\w+\()?handoff_\w+_total", target["expr"])
                assert set(counters) <= {"rate(", "increase("}


# Alerts


def test_promtool_accepts_rules_and_configuration() -> None:
    """As Prometheus would."""
    checked = run(tool("promtool", "prometheus"), "check", "config", "prometheus.yml")
    assert checked.returncode == 0, checked.stderr
    assert f"{len(rules())} rules found" in checked.stdout


def test_amtool_accepts_the_configuration() -> None:
    """As Alertmanager would."""
    checked = run(tool("amtool", "prometheus-alertmanager"), "check-config", "alertmanager.yml")
    assert checked.returncode == 0, checked.stderr


def test_each_case_of_the_first_mismatch_holds() -> None:
    """Born at zero or above, restarts of process and Prometheus, and silence later: the cases are in the file."""
    tested = run(tool("promtool", "prometheus"), "test", "rules", "handoff.rules.test.yml")
    assert tested.returncode == 0, tested.stdout


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        pytest.param(r"increase\((handoff.*)\) > 0", r"(increase(\1) * 0) > 0", id="no increase"),
        pytest.param(r"last_over_time\((.*)\[5m\]\) > 0", r"last_over_time(\1[5m]) > 1e9", id="no birth"),
        pytest.param(r"\n +unless\n[^)]*\)\n[^)]*\)", "", id="old totals"),
        pytest.param(r"\[1h\] offset", "[5m] offset", id="a short memory"),
        pytest.param(r"last_over_time\((.*)\[5m\]\) > 0", r"\1 > 0", id="the process must stay"),
    ],
)
def test_the_cases_find_an_expression_that_lacks_a_part(tmp_path: Path, pattern: str, replacement: str) -> None:
    """Each part of the expressions is there for a case."""
    text = (ALERTS / "handoff.rules.yml").read_text("utf-8")
    worse, changes = re.subn(pattern, replacement, text)
    assert changes == len(rules())
    (tmp_path / "handoff.rules.yml").write_text(worse)
    # Each is found within minutes: what is so after two hours would be half of the work.
    cases = re.sub(r".*eval_time: 2h.*\n", "", (ALERTS / "handoff.rules.test.yml").read_text("utf-8"))
    (tmp_path / "handoff.rules.test.yml").write_text(cases)
    promtool = tool("promtool", "prometheus")
    assert run(promtool, "check", "rules", "handoff.rules.yml", cwd=tmp_path).returncode == 0
    assert run(promtool, "test", "rules", "handoff.rules.test.yml", cwd=tmp_path).returncode == 1


def test_each_alert_says_what_it_is_and_links_its_section_of_the_runbook() -> None:
    """A heading's anchor, as GitHub and GitLab make it, is the heading in lower case."""
    sections = re.findall(r"^## (Handoff\w+)$", (ALERTS / "runbook.md").read_text("utf-8"), re.MULTILINE)
    assert [rule["alert"] for rule in rules()] == sections
    for rule in rules():
        annotations = rule["annotations"]
        assert annotations.keys() == {"summary", "description", "runbook_url"}
        assert annotations["runbook_url"].endswith(f"/runbook.md#{rule['alert'].lower()}")
        assert rule["labels"]["severity"] in ("critical", "warning")


# Names


NAMES = {value for name, value in vars(semconv).items() if name.isupper() and isinstance(value, str)}
EARLIER = {earlier.MISMATCH}
"""What is read as well, beside the name of today."""


def handoff_names(text: str) -> Iterator[str]:
    return (found.rstrip(".") for found in re.findall(r"handoff\.[a-z_.]+", text))


def is_emitted(name: str) -> bool:
    return name in NAMES | EARLIER or name.startswith((semconv.EXPECTED, semconv.OBSERVED, semconv.CULPRIT_ID))


@pytest.mark.parametrize("query", traceql())
def test_traceql_names_what_is_emitted(query: str) -> None:
    """No Tempo runs here: the attributes are checked, not the grammar."""
    names = set(handoff_names(query))
    assert names or "$field" in query
    assert {name for name in names if not is_emitted(name)} == set()


@pytest.mark.parametrize("path", [FOLDER / "queries" / "clickhouse.sql", IN_YOUR_TOOL], ids=lambda path: path.name)
def test_queries_name_what_is_emitted(path: Path) -> None:
    """So that a renamed attribute is not an empty answer."""
    names = set(handoff_names(path.read_text("utf-8")))
    assert semconv.MISMATCH in names
    assert {name for name in names if not is_emitted(name)} == set()


# Collector


def collector(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text("utf-8"))


@pytest.mark.parametrize("path", COLLECTORS, ids=lambda path: path.stem)
def test_a_collectors_pipelines_use_what_is_configured_and_nothing_else(path: Path) -> None:
    """A Collector refuses unknown components. None runs here: the components' options are not checked."""
    config = collector(path)
    pipelines = config["service"]["pipelines"].values()
    for kind in ("receivers", "processors", "exporters"):
        assert {name for pipeline in pipelines for name in pipeline[kind]} == set(config[kind])
    for pipeline in pipelines:
        assert pipeline["processors"][0] == "memory_limiter"
    assert config.keys() == {"receivers", "processors", "exporters", "service"}


def test_the_gateway_keeps_every_trace_with_a_mismatch() -> None:
    """By the attribute that the package puts on the span; and what policies say is a yes or nothing, never a no."""
    policies = {
        policy["name"]: policy
        for policy in collector(FOLDER / "collector" / "gateway.yaml")["processors"]["tail_sampling"]["policies"]
    }
    assert policies["mismatch"]["string_attribute"]["key"] == semconv.MISMATCH_OUTCOME
    assert policies["stale-work"]["boolean_attribute"] == {"key": semconv.STALE, "value": True}
    assert policies["not-judged"]["string_attribute"]["key"] == semconv.UNCHECKED_REASON
    assert policies["judged"]["numeric_attribute"] == {
        "key": semconv.JUDGED_ROWS,
        "min_value": 0,
        "max_value": 2**63 - 1,
    }
    kinds = {"boolean_attribute", "string_attribute", "numeric_attribute", "probabilistic"}
    assert {policy["type"] for policy in policies.values()} == kinds
    assert not any("invert_match" in policy[policy["type"]] for policy in policies.values())
    assert all(policy["type"] in policy for policy in policies.values())


def test_a_trace_goes_to_one_gateway() -> None:
    """Or its sampling would be decided on a part of it."""
    config = collector(FOLDER / "collector" / "agent.yaml")
    assert config["exporters"]["loadbalancing"]["routing_key"] == "traceID"
    assert config["service"]["pipelines"]["traces"]["exporters"] == ["loadbalancing"]
