"""`otel-handoff doctor`, as it is run."""

from __future__ import annotations

import json
import os
import pty
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from otel_handoff import environment_variables
from otel_handoff.declare.settings import Settings
from otel_handoff.doctor.sdk import root_decision
from tests.doctor.doctors import COMMAND, HERE, Doctor, Done, doctor, instrument
from tests.zero_code.programs import APP, BIN, CONSOLE, documents

WRAPPED = {
    "elspeth.submit": "BatchTransformMixin.accept_row",
    "elspeth.work": "BatchTransformMixin._process_and_complete",
    "elspeth.call": "CallAuditRepository.record_call",
    "elspeth.result": "RowReorderBuffer.complete",
    "elspeth.evict": "BatchTransformMixin.evict_submission",
}


@pytest.fixture(scope="module")
def well() -> Done:
    """All is set up, and a test alert is sent."""
    return doctor("--json", "--send-test-alert", **CONSOLE)


def test_what_is_wrapped(well: Done) -> None:
    """Each function of the host, after it was imported, by the layout that is there."""
    for subject, function in WRAPPED.items():
        assert well.of(subject)["text"] == f"{function} wrapped"
    layout = [finding["facts"].get("layout") for finding in well.findings if finding["subject"] == "elspeth"]
    assert layout == [None, "elspeth.plugins.infrastructure.batching.mixin"]


def test_a_function_that_is_not_there(well: Done) -> None:
    """The host of these tests takes no call index: the only thing that is wrong, and it is the one that is named."""
    assert well.wrong() == {
        "elspeth.read": "CallAuditRepository.allocate_call_index is not in elspeth.core.landscape.execution.calls"
    }
    assert well.code == 1


def test_the_set_up(well: Done) -> None:
    """Provider, sampler, processors in order with ours among them, and exporters."""
    assert well.of("traces")["text"] == "opentelemetry.sdk.trace.TracerProvider"
    assert "AlwaysOnSampler" in well.of("traces.sampler", "ok")["text"]
    processors = well.of("traces.processors")["facts"]["processors"]
    assert [processor["class"] for processor in processors] == ["BatchSpanProcessor", "HandoffSpanProcessor"]
    assert processors[0]["exporter"] == "ConsoleSpanExporter"
    assert well.of("traces.tagging", "ok")["facts"]["place"] == 2
    assert well.of("logs")["facts"]["sinks"][0]["exporter"] == "ConsoleLogRecordExporter"
    assert well.of("metrics")["facts"]["sinks"][0]["exporter"] == "ConsoleMetricExporter"
    assert well.of("alert")["state"] == "ok"


def test_every_setting_is_there(well: Done) -> None:
    """A new one appears by itself."""
    names = {field.name for field in fields(Settings)} - {"given"}
    subjects = {finding["subject"] for finding in well.findings}
    assert {f"elspeth.{name}" for name in names} <= subjects
    variables = {name for name in vars(environment_variables) if name.startswith("OTEL_HANDOFF_")}
    assert variables <= {
        f"OTEL_HANDOFF_{name.upper()}" for name in (*names, "boundaries", "file", "find")
    }  # the exporter's


def test_the_report_alone_is_on_stdout(well: Done) -> None:
    """What the console exporters write is on stderr."""
    assert json.loads(well.out)["verdict"] == "1 thing needs attention."
    assert "otel-handoff doctor test alert" in well.err


def test_the_test_alert_is_exported_and_marked(well: Done) -> None:
    """By each of the three ways; and nothing takes it for a mismatch: it has a name of its own and moves no counter."""
    for way in ("log record", "counter", "span event"):
        assert [finding["facts"].get("outcome") for finding in well.findings if finding["subject"] == way][-1] == (
            "exported"
        )
    exported = documents(_json(well.err))
    (span,) = [item for item in exported if item.get("name") == "otel-handoff doctor test alert"]
    assert span["attributes"] == {"handoff.test": True}
    assert [event["name"] for event in span["events"]] == ["handoff.test"]
    (record,) = [item for item in exported if "event_name" in item]
    assert (record["event_name"], record["severity_text"]) == ("handoff.test", "WARN")
    assert record["attributes"] == {"handoff.test": True}
    assert record["trace_id"] == span["context"]["trace_id"]
    points = {
        metric["name"]: [point["value"] for point in metric["data"]["data_points"]]
        for item in exported
        for resource in item.get("resource_metrics", [])
        for scope in resource["scope_metrics"]
        if scope["scope"]["name"] == "otel_handoff"
        for metric in scope["metrics"]
        if "value" in metric["data"]["data_points"][0]
    }
    assert len(points["handoff.mismatches"]) > 10
    assert {value for values in points.values() for value in values} == {0}


def _json(text: str) -> str:
    # Between the exporters' documents stands what Python's log says.
    return "\n".join(line for line in text.splitlines() if not line.startswith("TEST ALERT"))


def test_nothing_is_sent_unasked() -> None:
    """Not even at the end of the process, when providers export what is left."""
    done = doctor("--json", **CONSOLE)
    assert done.err == ""
    assert done.wrong().keys() == {"elspeth.read"}
    assert doctor("--json", "--import", "by_hand:exports_the_log").err == ""


def test_under_opentelemetry_instrument() -> None:
    """The process is as the pipeline's would be; a flag is an environment variable to it."""
    launcher = (instrument(), "--handoff_mode", "observe", "--handoff_boundaries", "shop_boundaries:BOUNDARIES")
    command = (str(BIN / "otel-handoff"), "doctor")
    done = Doctor(command, launcher=launcher)("--json", **CONSOLE)
    assert done.of("set-up")["text"] == "by opentelemetry-instrument"
    assert done.of("mode")["facts"] == {"value": "observe", "source": "OTEL_HANDOFF_MODE"}, "of both instrumentors"
    assert done.of("watch")["facts"] == {"value": True, "source": "default"}
    assert done.of("boundaries")["facts"] == {"value": ["orders"], "source": "OTEL_HANDOFF_BOUNDARIES"}
    assert done.of("orders.submit")["text"] == "Pool.enqueue wrapped"
    assert done.wrong().keys() == {"elspeth.read"}


def test_a_configuration_file(tmp_path: Path) -> None:
    """It is named as the source of what it sets; its exporters' files are named; what it misspells is told."""
    pytest.importorskip("opentelemetry.configuration")
    path = tmp_path / "otel.yaml"
    path.write_text(
        f"""
file_format: "1.0"
tracer_provider:
  processors:
    - batch: {{exporter: {{otlp_file/development: {{output_stream: "file://{tmp_path}/traces.jsonl"}}}}}}
instrumentation/development:
  python:
    elspeth: {{mode: observe}}
    handoff: {{mood: observe}}
""",
        encoding="utf-8",
    )
    done = doctor("--json", OTEL_CONFIG_FILE=str(path))
    assert done.of("elspeth.mode")["facts"] == {"value": "observe", "source": str(path)}
    assert done.of("elspeth.watch")["facts"]["source"] == "default"
    assert done.of("traces.processors")["facts"]["processors"][0]["endpoint"] == f"{tmp_path}/traces.jsonl"
    assert done.of("alert", "note")["text"].startswith("on the span alone")
    assert done.wrong().keys() == {"elspeth.read", "handoff.mood", "set-up"}
    path.write_text("file_format: [", encoding="utf-8")
    assert "cannot be read" in doctor("--json", OTEL_CONFIG_FILE=str(path)).wrong()["OTEL_CONFIG_FILE"]
    path.unlink()
    done = doctor("--json", OTEL_CONFIG_FILE=str(path))
    assert "Configuration file not found" in done.of("set-up", "wrong")["text"], "and once, though it is logged twice"
    assert done.err == ""


def test_a_variable_that_comes_second() -> None:
    """Who sets one where the code says otherwise is told that it does not hold; one that says the same is no matter."""
    done = doctor("--json", "--import", "by_hand:off", OTEL_HANDOFF_MODE="pin")
    second = done.of("elspeth.mode", "note")
    assert second["text"] == "off (argument of instrument()), which goes before OTEL_HANDOFF_MODE=pin"
    assert second["facts"] == {"value": "off", "source": "argument of instrument()"}
    assert "unset OTEL_HANDOFF_MODE" in second["do"]
    done = doctor("--json", "--import", "by_hand:off", OTEL_HANDOFF_MODE="OFF")
    assert done.of("elspeth.mode")["text"] == "off (argument of instrument())"


@pytest.mark.parametrize("headers", ["{api-key: hunter2}", "hunter2", "[{api-key: hunter2}]", "[{name: {a: hunter2}}]"])
def test_secrets_of_a_configuration_file(headers: str, tmp_path: Path) -> None:
    """Headers that are not written as they should be are quoted by what reads them; the report says only where."""
    pytest.importorskip("opentelemetry.configuration")
    path = tmp_path / "otel.yaml"
    exporter = f'{{otlp_http: {{endpoint: "http://localhost:4318", headers: {headers}}}}}'
    path.write_text(
        f'file_format: "1.0"\ntracer_provider: {{processors: [{{batch: {{exporter: {exporter}}}}}]}}\n',
        encoding="utf-8",
    )
    done = doctor("--json", OTEL_CONFIG_FILE=str(path))
    assert "hunter2" not in done.out + done.err
    assert "otlp_http -> headers" in done.wrong()["OTEL_CONFIG_FILE"]


def test_an_exporter_that_is_not_installed() -> None:
    """It stops all of the set-up, ours included; the first line in red says so."""
    done = doctor("--json", OTEL_TRACES_EXPORTER="no_such_exporter")
    assert "no_such_exporter" in done.of("set-up", "wrong")["text"]
    assert "OTEL_TRACES_EXPORTER" in done.of("set-up", "wrong")["do"]
    done = doctor("--json", OTEL_PYTHON_ID_GENERATOR="no_such_generator")
    assert done.of("set-up", "wrong")["do"].startswith("Put right what this names"), "which is no exporter"
    assert "nothing is wrapped" in done.wrong()["wrapped"]
    assert "no tracer provider" in done.wrong()["traces"]


def test_settings_that_are_misspelt() -> None:
    """A value, a name, and what names no boundaries."""
    done = doctor(
        "--json",
        OTEL_HANDOFF_MODE="obsreve",
        OTEL_HANDOFF_WACTH="false",
        OTEL_HANDOF_TRACE="link",
        otel_handoff_ids="hashed",
        OTEL_HANDOFF_BOUNDARIES="no_such_module:BOUNDARIES",
    )
    assert "OTEL_HANDOFF_MODE=obsreve is not one of" in done.wrong()["elspeth.mode"]
    assert done.of("elspeth.mode")["facts"] == {"value": "pin", "source": "fallback"}
    assert done.of("OTEL_HANDOFF_WACTH", "wrong")["do"] == "Did you mean OTEL_HANDOFF_WATCH?"
    assert "OTEL_HANDOFF_TRACE" in done.of("OTEL_HANDOF_TRACE", "note")["text"]
    assert "OTEL_HANDOFF_IDS" in done.of("otel_handoff_ids", "note")["text"]
    assert "no_such_module" in done.wrong()["boundaries"]


def test_no_way_out() -> None:
    """Everything is wrapped and nothing is exported."""
    done = doctor("--json", "--send-test-alert")
    assert "only as a line of Python's log" in done.wrong()["alert"]
    assert done.wrong()["test alert"] == "it did not leave this process"


def test_the_hook_is_a_way_out() -> None:
    """Which the test alert does not try, so it does not say that there is none."""
    done = doctor("--json", "--send-test-alert", "--import", "by_hand:hook_alone")
    assert done.of("alert", "note")["text"].startswith("only to your hook")
    assert done.wrong().keys() == {"elspeth.read"}


def test_sdk_disabled() -> None:
    """Providers are there and make nothing."""
    done = doctor("--json", OTEL_SDK_DISABLED="true", **CONSOLE)
    assert {"sdk", "alert"} <= done.wrong().keys()
    assert done.of("traces.tracer")["state"] == "note"


@pytest.mark.parametrize("sampler", ["always_off", "parentbased_always_off"])
def test_a_sampler_that_keeps_nothing(sampler: str) -> None:
    """The log record gets out all the same, and it is said that the span does not."""
    done = doctor("--json", "--send-test-alert", OTEL_TRACES_SAMPLER=sampler, **CONSOLE)
    assert "keeps no trace" in done.wrong()["traces.sampler"]
    assert done.of("alert")["state"] == "ok"
    assert (
        "not exported: the sampler did not keep the span" in json.loads(done.out)["sections"][-1]["findings"][2]["text"]
    )


def test_a_sampler_that_keeps_some() -> None:
    """Worth a note."""
    done = doctor("--json", OTEL_TRACES_SAMPLER="traceidratio", OTEL_TRACES_SAMPLER_ARG="0.1", **CONSOLE)
    assert done.of("traces.sampler")["state"] == "note"


@pytest.mark.parametrize(
    ("ratio", "kept"), [(0, "never"), (0.0, "never"), (0.1, "some"), (1, "always"), (1.0, "always")]
)
def test_a_ratio(ratio: float, kept: str) -> None:
    """It may be a whole number, and is described as it was given."""
    tracer = TracerProvider(sampler=ParentBased(TraceIdRatioBased(ratio))).get_tracer("a")
    assert root_decision(tracer) == kept


def test_a_host_of_an_unknown_layout(tmp_path: Path) -> None:
    """It is installed, and has none of the modules that are known."""
    (tmp_path / "elspeth").mkdir()
    (tmp_path / "elspeth" / "__init__.py").write_text("__version__ = '9.9'\n", encoding="utf-8")
    done = Doctor(cwd=tmp_path)("--json", **CONSOLE)
    assert done.wrong()["elspeth"].startswith("elspeth 9.9 is of an unknown layout")
    assert "wrapped" in done.wrong()


def test_no_host(tmp_path: Path) -> None:
    """The wrong environment: nothing that could be wrapped is there."""
    done = Doctor(cwd=tmp_path)("--json", **CONSOLE)
    assert "not installed" in done.of("elspeth", "note")["text"]
    assert "nothing is wrapped" in done.wrong()["wrapped"]
    assert "environment that the pipeline runs in" in done.of("wrapped")["do"]


def test_mode_off_and_kept_off() -> None:
    """Whoever turned it off is told that nothing is checked."""
    done = doctor("--json", OTEL_HANDOFF_MODE="off", **CONSOLE)
    assert "mode off" in done.wrong()["elspeth"]
    assert done.of("handoff")["text"] == "instrumentor on, in mode off"
    assert done.of("mode")["facts"] == {"value": "off", "source": "OTEL_HANDOFF_MODE"}
    done = doctor("--json", "--import", "by_hand:off")
    assert done.of("elspeth.mode")["facts"] == {"value": "off", "source": "argument of instrument()"}
    assert (
        done.of("elspeth")["do"]
        == done.of("wrapped")["do"]
        == ("Set the mode to pin or observe where Settings, below, says that it comes from.")
    )
    done = doctor("--json", OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="elspeth, handoff", **CONSOLE)
    assert "kept off" in done.of("elspeth")["text"]
    assert "out of OTEL_PYTHON_DISABLED_INSTRUMENTATIONS" in done.of("wrapped")["do"]
    assert {"wrapped", "alert"} <= done.wrong().keys()


def test_without_the_sdk() -> None:
    """Core dependencies alone are enough for the doctor, and it says what else is needed."""
    code = "import sys; sys.modules['opentelemetry.sdk'] = None; from otel_handoff.cli import main; sys.exit(main())"
    done = Doctor((sys.executable, "-c", code, "doctor"))("--json")
    assert "not installed" in done.wrong()["sdk"]
    assert "otel-handoff[sdk]" in done.of("sdk")["do"]


def test_an_endpoint_that_is_down() -> None:
    """The refused ways are red with the reason, what gets out is not, and no key or password is shown anywhere."""
    done = doctor("--json", "--send-test-alert", "--import", "by_hand:endpoint_down")
    assert done.of("elspeth.mode")["facts"] == {"value": "observe", "source": "argument of instrument()"}
    refused = [finding for finding in done.findings if finding["facts"].get("outcome") == "failed"]
    assert [finding["subject"] for finding in refused] == ["log record", "span event"]
    for finding in refused:
        assert "Connection refused" in finding["text"]
        assert finding["facts"]["endpoint"].startswith("http://127.0.0.1:")
        assert finding["text"].count(finding["facts"]["endpoint"]) == 2, "the reason is its own, not the other's"
    (counter,) = [finding for finding in done.findings if finding["facts"].get("outcome") == "exported"]
    assert counter["subject"] == "counter"
    assert "hunter2" not in done.out + done.err
    assert [finding["text"] for finding in done.findings if finding["subject"] == "hook"] == [
        "on_mismatch: page_somebody",
        "on_mismatch was not called: it may wake somebody",
    ]


def test_exporters_that_hang_or_raise_and_counters_that_are_dropped() -> None:
    """Each is told for itself, and the doctor does not wait longer than it says."""
    code = """if True:
        import json
        from otel_handoff.doctor import examine, trial
        import by_hand

        trial.PATIENCE = 1.0
        by_hand.exporters_that_fail()
        print(json.dumps(examine(send_test_alert=True).as_dict()))
    """
    done = Doctor((sys.executable, "-c", code))()
    tried = {finding["subject"]: finding for finding in json.loads(done.out)["sections"][-1]["findings"]}
    assert "no answer within 1 s" in tried["log record"]["text"]
    assert "ConnectionError: no route to http://collector" in tried["span event"]["text"]
    assert tried["counter"]["state"] == "unknown"
    assert "was never given it" in tried["counter"]["text"]
    assert "hunter2" not in done.out


def test_whose_providers_they_are() -> None:
    """Where the instrumentors have different ones."""
    done = doctor("--json", "--send-test-alert", "--import", "by_hand:providers_of_their_own")
    sections = {section["title"]: section["findings"] for section in json.loads(done.out)["sections"]}
    for title in ("OpenTelemetry", "Would an alert get out?", "Test alert"):
        whose = [finding["facts"]["instrumentor"] for finding in sections[title] if finding["subject"] == "providers"]
        assert whose == ["elspeth", "handoff"]
    kept = [finding["state"] for finding in sections["OpenTelemetry"] if finding["subject"] == "traces.sampler"]
    assert kept == ["ok", "wrong"]


def test_secrets_of_the_environment() -> None:
    """A header that is malformed is quoted by the SDK; the report does not. Nor is a key of ours shown."""
    done = doctor("--json", OTEL_HANDOFF_IDS_KEY="hunter2", **CONSOLE)
    assert "hunter2" not in done.out + done.err
    done = doctor("--json", OTEL_EXPORTER_OTLP_HEADERS="hunter2", OTEL_TRACES_EXPORTER="x hunter2 x")
    assert "hunter2" not in done.out + done.err
    assert "(hidden)" in done.out


def test_providers_that_are_set_after_instrumenting() -> None:
    """The span processor comes with the first row, and the doctor does not call that wrong."""
    done = doctor("--json", "--import", "by_hand:global_providers")
    assert "with the first row" in done.of("traces.tagging", "note")["text"]
    assert done.of("alert")["state"] == "ok"


@pytest.mark.parametrize("set_up", ["foreign", "opaque"])
def test_what_cannot_be_told(set_up: str) -> None:
    """Where an SDK does not show what is asked, that is said, and is not called wrong."""
    done = doctor("--json", "--send-test-alert", "--import", f"by_hand:{set_up}")
    untold = {finding["subject"] for finding in done.findings if finding["state"] == "unknown"}
    assert (
        untold
        >= {"foreign": {"traces.sampler", "traces.processors", "alert"}, "opaque": {"span event", "alert"}}[set_up]
    )
    assert done.wrong().keys() <= {"elspeth.read"} | ({"test alert"} if set_up == "foreign" else set())


def test_parameters_that_the_host_does_not_have() -> None:
    """A wrapped function is of no use if the ids cannot be found among its parameters."""
    done = doctor(
        "--json", "--import", "by_hand:wrong_parameters", OTEL_HANDOFF_BOUNDARIES="shop_boundaries:BOUNDARIES"
    )
    assert done.of("boundaries")["facts"] == {"value": ["orders", "gone"], "source": "argument of instrument()"}
    assert done.wrong()["orders.submit"].startswith("Pool.enqueue is wrapped, but takes no context")
    calls = [finding["text"] for finding in done.findings if finding["subject"] == "orders.call"]
    assert calls[0].startswith("Ledger.post is wrapped, but takes no id")
    assert calls[1] == "Ledger.send is not in orders"
    assert done.wrong()["gone"] == "there is no module 'no_such_host'"


def test_logging_that_the_pipeline_sets_up(tmp_path: Path) -> None:
    """Is set up as there: the test alert is in its file, and what was said meanwhile is there and in the report."""
    done = Doctor(cwd=tmp_path)("--json", "--send-test-alert", "--import", "by_hand:logs_to_a_file")
    log = (tmp_path / "pipeline.log").read_text(encoding="utf-8")
    assert log.startswith("WARNING:pipeline:The queue is short.\nWARNING:otel_handoff:TEST ALERT")
    assert done.of("set-up", "note")["text"] == "pipeline: The queue is short."
    assert done.err == ""


def test_a_logger_that_is_silenced() -> None:
    """Nothing is told by it, the test alert neither; and a wrong setting is noticed all the same."""
    done = doctor("--json", "--send-test-alert", "--import", "by_hand:silences", OTEL_HANDOFF_MODE="obsreve")
    told = [finding["text"] for finding in done.findings if finding["subject"] == "Python log"]
    assert told == [f"the logger otel_handoff is silenced in this process at {level}" for level in ("ERROR", "WARNING")]
    assert "TEST ALERT" not in done.err
    assert "OTEL_HANDOFF_MODE=obsreve is not one of" in done.wrong()["elspeth.mode"]


@pytest.mark.parametrize("others", [0, 1])
def test_a_logger_that_opentelemetry_alone_hears(others: int) -> None:
    """With its handler on the root Python prints nothing on stderr any more; what is ours is printed all the same."""
    done = doctor("--json", "--import", f"by_hand:only_opentelemetry_hears_{others}")
    assert done.of("Python log")["state"] == "ok"


def test_a_host_that_cannot_be_imported() -> None:
    """Even one that ends the process; and an AttributeError of its own is not a function that has moved."""
    done = doctor("--json", "--import", "by_hand:not_importable")
    assert done.wrong()["main_program.submit"] == "f: main_program cannot be imported (SystemExit: 0)"
    assert done.wrong()["out_of_date.work"].startswith(
        "g: out_of_date cannot be imported (AttributeError: module 'sys'"
    )
    done = doctor("--json", OTEL_HANDOFF_BOUNDARIES="main_program:BOUNDARIES", **CONSOLE)
    assert "main_program:BOUNDARIES gives no boundaries (SystemExit: 0)" in done.wrong()["boundaries"]
    assert done.of("elspeth.submit")["state"] == "ok"


def test_a_wrapper_on_top_of_ours() -> None:
    """Both work, and it is told."""
    done = doctor("--json", "--import", "by_hand:wrapped_again")
    assert "below a wrapper of somebody else's" in done.of("elspeth.submit", "ok")["text"]
    assert done.of("elspeth.work", "ok")["text"] == "BatchTransformMixin._process_and_complete wrapped"


def test_a_pipeline_that_does_not_instrument() -> None:
    """It is told to."""
    done = doctor("--json", "--import", "by_hand:nothing")
    assert {"wrapped", "traces", "alert"} <= done.wrong().keys()
    assert "opentelemetry-instrument" in done.of("wrapped")["do"]


def test_from_within_a_pipeline() -> None:
    """`examine()` looks at the process that calls it, whoever set that up."""
    code = (
        "import by_hand; by_hand.wrapped_again(); from otel_handoff.doctor import examine; found = examine();"
        " print(found); print(found.well, len(found.as_dict()['sections']))"
    )
    done = Doctor((sys.executable, "-c", code))()
    assert "note  set-up: by its own code" in done.out
    assert "elspeth.mode: pin (default)" in done.out
    assert done.out.endswith("need attention.\nFalse 5\n")


def test_from_within_by_several_threads() -> None:
    """Python's log is afterwards what it was, though one thread looks while another listens to it."""
    code = """if True:
        import logging, sys, time, types
        from concurrent.futures import ThreadPoolExecutor
        from otel_handoff.doctor import examine

        slow = sys.modules["slow"] = types.ModuleType("slow")
        slow.__getattr__ = lambda name: time.sleep(0.01) or []
        logger = logging.getLogger("otel_handoff")
        with ThreadPoolExecutor(4) as pool:
            reports = {str(report) for report in pool.map(lambda _: examine(), range(8))}
        print(len(reports), logger.handlers, logger.propagate, logger.level)
    """
    done = Doctor((sys.executable, "-c", code))(OTEL_HANDOFF_BOUNDARIES="slow:BOUNDARIES")
    assert done.out == "1 [] True 0\n"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--import", "no_such_module"], "cannot import no_such_module: ModuleNotFoundError"),
        (["--import", "by_hand:fail"], "cannot call by_hand:fail: LookupError: no telemetry today"),
        (["--import", "by_hand:no_such_function"], "cannot call by_hand:no_such_function: AttributeError"),
        (["--import", "by_hand:asynchronous"], "cannot call by_hand:asynchronous: it is asynchronous"),
        (["--import", "by_hand:go_on_and_fail"], "cannot call by_hand:go_on_and_fail: LookupError"),
        (
            ["--import", "by_hand:give_up"],
            "cannot call by_hand:give_up: SystemExit: 3 (having said: The queue is short.)",
        ),
        (["--import", ""], "cannot import : ValueError: Empty module name"),
        (["--no-such-option"], "unrecognized arguments"),
    ],
)
def test_bad_usage(arguments: list[str], error: str) -> None:
    """Exit code 2 and a line on stderr."""
    done = doctor(*arguments)
    assert (done.code, done.out) == (2, "")
    assert error in done.err
    assert done.err.count("\n") == 1 or done.err.startswith("usage: "), "and nothing is exported at the end"
    assert "Traceback" not in done.err


def test_a_variable_with_which_opentelemetry_cannot_be_imported() -> None:
    """Then there is nothing to look at."""
    done = doctor(OTEL_PROPAGATORS="no_such_propagator")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("otel-handoff: cannot import OpenTelemetry: ValueError: Propagator no_such_propagator")


def test_a_pipeline_that_closes_stdout() -> None:
    """The report has its own."""
    assert "nothing is wrapped" in doctor("--json", "--import", "by_hand:close_stdout").wrong()["wrapped"]


def test_threads_of_the_pipeline_that_go_on() -> None:
    """The report is there, and nobody waits for them."""
    done = doctor("--json", "--import", "by_hand:go_on")
    assert "nothing is wrapped" in done.wrong()["wrapped"]


def test_text_for_people() -> None:
    """One line per finding, what to do below what is wrong, no colours in a pipe."""
    done = doctor(**CONSOLE)
    assert done.code == 1
    assert "\n  WRONG elspeth.read: CallAuditRepository.allocate_call_index is not in" in done.out
    assert "\n        Do: Declare a Boundary that names where this version has it" in done.out
    assert done.out.endswith("\n1 thing needs attention.\n")
    assert "\x1b" not in done.out
    assert max(map(len, done.out.splitlines())) <= 120


@pytest.mark.parametrize(
    ("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colours_on_a_terminal(environment: dict[str, str], coloured: bool) -> None:
    """Where nobody minds."""
    variables = {"PATH": os.environ["PATH"], "TERM": "xterm", "PYTHONPATH": str(HERE), **environment}
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover - the child
        os.chdir(APP)
        os.execve(sys.executable, [*COMMAND, "--import", "by_hand:nothing"], variables)
    output = b""
    try:
        while block := os.read(terminal, 65536):
            output += block
    except OSError:
        pass  # that is how a terminal ends
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    assert (b"\x1b[1;31m" in output) is coloured
    assert b"nothing is wrapped" in output
