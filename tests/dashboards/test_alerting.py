"""From a mismatch to whoever is on call, and to the dashboards, through a real Prometheus and a real Alertmanager."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from otel_handoff.elspeth import BOUNDARIES
from otel_handoff.record.unchecked import REASONS
from tests.dashboards import latency
from tests.dashboards.boards import promql, rules
from tests.dashboards.conftest import Scene
from tests.dashboards.servers import Asked
from tests.dashboards.victoria import PACKAGE, Victoria
from tests.servers import tool, until


def alerts(scene: Scene, name: str) -> list[dict[str, Any]]:
    return [alert for alert in scene.notified[name][1]["alerts"] if alert["labels"]["alertname"] == name]


def test_a_wrong_id_that_takes_effect_calls_whoever_is_on_call(scene: Scene) -> None:
    """The payload names the boundary and the process, and links the section of the runbook."""
    _, payload = scene.notified["HandoffMismatchUsed"]
    assert payload["path"] == "/on-call"
    assert payload["commonLabels"]["handoff_boundary"] == "elspeth"
    for alert in alerts(scene, "HandoffMismatchUsed"):
        assert alert["status"] == "firing"
        assert alert["labels"]["severity"] == "critical"
        assert alert["labels"]["instance"] == scene.observed.target
        assert "elspeth" in alert["annotations"]["summary"]
        assert "otel-handoff check" in alert["annotations"]["description"]


@pytest.mark.parametrize(
    "name", ["HandoffMismatchPrevented", "HandoffUnchecked", "HandoffStaleWork", "HandoffInternalErrors"]
)
def test_a_warning_goes_to_the_team(scene: Scene, name: str) -> None:
    """Nobody is woken."""
    assert scene.notified[name][1]["path"] == "/team"
    assert {alert["labels"]["severity"] for alert in alerts(scene, name)} == {"warning"}


def test_a_pinned_pipeline_wakes_nobody(scene: Scene) -> None:
    """What it was spared is a warning."""
    expected = {"HandoffMismatchPrevented", "HandoffStaleWork"}

    def firing() -> set[str]:
        found = scene.monitor.series(f'ALERTS{{instance="{scene.pinned.target}"}}')
        return {series["metric"]["alertname"] for series in found}

    until(lambda: firing() >= expected, "the warnings of the pinned pipeline")
    assert firing() == expected


def test_the_link_of_each_alert_leads_to_its_section(scene: Scene) -> None:
    """The file that was written, unless a URL was given."""
    for name in scene.notified:
        url = urlsplit(str(alerts(scene, name)[0]["annotations"]["runbook_url"]))
        headings = [line for line in Path(unquote(url.path)).read_text("utf-8").splitlines() if line.startswith("## ")]
        assert url.fragment in [heading.removeprefix("## ").lower() for heading in headings]


def test_each_rule_is_evaluated_without_error_and_has_a_series(scene: Scene) -> None:
    """On the real scrape."""
    (group,) = scene.monitor.api("rules")["groups"]
    assert {(rule["name"], rule["health"], bool(rule["alerts"])) for rule in group["rules"]} == {
        (rule["alert"], "ok", True) for rule in rules()
    }


@pytest.mark.parametrize("expr", list(promql("overview")))
def test_each_expression_of_the_overview_has_a_series(scene: Scene, expr: str) -> None:
    """On the real scrape, once there are the two samples that a rate needs."""
    until(lambda: scene.monitor.series(expr), f"a series of {expr}")


@pytest.fixture
def victoria(scene: Scene) -> Victoria:
    """What watches the same pipelines as Prometheus."""
    tool("victoria-metrics", PACKAGE)
    assert scene.victoria is not None
    return scene.victoria


@pytest.mark.parametrize("expr", list(promql("overview")))
def test_each_expression_of_the_overview_has_a_series_in_victoria_metrics(victoria: Victoria, expr: str) -> None:
    """Its PromQL is another's."""
    until(lambda: victoria.metrics.series(expr), f"a series of {expr}")


def test_vmalert_alerts_as_prometheus_does(scene: Scene, victoria: Victoria) -> None:
    """Of the same processes, in the same words."""

    def firing(asked: Asked) -> set[tuple[str, ...]]:
        return {
            (*(alert["labels"][name] for name in ("alertname", "instance", "severity")), *alert["annotations"].values())
            for alert in asked.api("alerts")["alerts"]
            if alert["state"] == "firing"
        }

    until(lambda: firing(victoria.alerts) == firing(scene.monitor), "the alerts of both are alike")
    assert {alert[0] for alert in firing(victoria.alerts)} == {rule["alert"] for rule in rules()}


def test_the_time_to_the_notification_is_measured(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """From the first mismatch of a run; how long it takes is told, and is nobody's promise."""
    seconds = latency.once(tmp_path)
    record_property("seconds from mismatch to webhook", seconds)
    assert seconds > 0


def test_a_process_of_an_earlier_version_is_seen_under_the_names_of_today(scene: Scene) -> None:
    """As the scrape configuration says; nothing is left of the names of then."""
    until(lambda: scene.monitor.series(f'handoff_submissions_total{{instance="{scene.earlier}"}}'), "its first scrape")
    series = scene.monitor.series(f'{{__name__=~"handoff.+", instance="{scene.earlier}"}}')
    told = {one["metric"]["__name__"]: one["metric"].keys() - {"__name__", "instance", "job"} for one in series}
    assert told == {
        "handoff_submissions_total": {"handoff_boundary"},
        "handoff_mismatches_total": {
            "handoff_boundary",
            *(f"handoff_mismatch_{what}" for what in ("evidence", "field", "outcome")),
        },
        "handoff_untold_mismatches_total": set(),
        "handoff_unchecked_rows_total": {"handoff_boundary", "handoff_unchecked_reason"},
    }


def test_no_id_is_a_label(scene: Scene) -> None:
    """Whatever is scraped has labels of a few known values; so the number of series does not grow with the rows."""
    (boundary,) = {boundary.name for boundary in BOUNDARIES}
    known = {
        "handoff_boundary": {boundary},
        "handoff_mismatch_field": {field for one in BOUNDARIES for field in one.fields},
        "handoff_mismatch_evidence": {"start", "end", "read", "span", "call", "result"},
        "handoff_mismatch_outcome": {"used", "blocked", "prevented", "exposed"},
        "handoff_unchecked_reason": set(REASONS),
        "otel_scope_name": {"otel_handoff"},
    }
    samples = [
        sample
        for pipeline in (scene.observed, scene.pinned)
        for family in text_string_to_metric_families(pipeline.metrics())
        for sample in family.samples
        if sample.name.startswith("handoff_")
    ]
    assert samples
    for sample in samples:
        for label, value in sample.labels.items():
            if label not in ("le", "otel_scope_version", "otel_scope_schema_url"):
                assert value in known[label]
