"""docs/across-processes.md: its programs are run as they stand there, with real workers and children."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.check.command import checked
from tests.docs.tables import DOCS
from tests.docs.test_examples import programs

PAGE = (DOCS / "across-processes.md").read_text("utf-8")
PROGRAMS = programs(PAGE)

_CONFIG = """
task_serializer = "pickle"
accept_content = ["pickle"]
task_ignore_result = True
broker_transport_options = {
    "data_folder_in": "broker", "data_folder_out": "broker", "control_folder": "control", "polling_interval": 0.02,
}
"""

_SEND = """
import sys
mode, side = sys.argv[1:]
sys.argv = ["celery"]
if mode != "off":
    from shop_handoffs import BOUNDARIES
    from otel_handoff import HandoffInstrumentor
    def told(mismatch):
        with open("told.txt", "a") as file:
            file.write(f"{side} {mismatch.outcome} {mismatch.evidence}\\n")
    HandoffInstrumentor().instrument(mode=mode, boundaries=BOUNDARIES, on_mismatch=told)
import shop_tasks
if side == "sender":
    shop_tasks.main()
else:
    options = ["-P", "threads", "-c", "2", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    shop_tasks.app.worker_main(["worker", *options])
"""


def environment() -> dict[str, str]:
    """Nothing of this process's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return {**kept, "C_FORCE_ROOT": "1", "PYTHONPATH": os.pathsep.join([".", *filter(None, sys.path)])}


def lines(path: Path) -> list[str]:
    """Return what is in a file by now."""
    return sorted(path.read_text("utf-8").splitlines()) if path.exists() else []


@pytest.mark.skipif(find_spec("celery") is None, reason="Celery is not installed: the extra `celery`")
@pytest.mark.parametrize(
    ("mode", "filed", "told"),
    [
        ("off", ["r1 r3", "r2 r3", "r3 r3"], []),
        ("observe", ["r1 r3", "r2 r3", "r3 r3"], [*["sender used read"] * 2, *["worker used call"] * 2]),
        ("pin", ["r1 r1", "r2 r2", "r3 r3"], ["sender prevented read"] * 2),
    ],
)
def test_the_celery_page(mode: str, filed: list[str], told: list[str], tmp_path: Path) -> None:
    """What the page says of each mode."""
    for name in ("shop_tasks.py", "shop_handoffs.py"):
        (tmp_path / name).write_text(PROGRAMS[name], "utf-8")
    (tmp_path / "shop_config.py").write_text(_CONFIG, "utf-8")
    for folder in ("broker", "control"):
        (tmp_path / folder).mkdir()
    command = [sys.executable, "-c", _SEND, mode]
    subprocess.run([*command, "sender"], cwd=tmp_path, env=environment(), check=True, timeout=60)
    with (tmp_path / "worker.log").open("w") as log:
        worker = subprocess.Popen([*command, "worker"], cwd=tmp_path, env=environment(), stdout=log, stderr=log)
        until = time.monotonic() + 60
        while len(lines(tmp_path / "filed.txt")) < 3 and worker.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        worker.send_signal(signal.SIGTERM)
        worker.wait(30)
    assert lines(tmp_path / "filed.txt") == filed, (tmp_path / "worker.log").read_text("utf-8")
    assert lines(tmp_path / "told.txt") == told


@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_the_pool_page(mode: str, tmp_path: Path) -> None:
    """A spawned child is turned on by the initializer; what it files is told, or right."""
    for name in ("yard.py", "yard_on.py"):
        (tmp_path / name).write_text(PROGRAMS[name], "utf-8")
    code = "import yard_on, yard\nif __name__ == '__main__':\n    yard.main()\n"
    (tmp_path / "run.py").write_text(f"import sys\nsys.setswitchinterval(5)\n{code}", "utf-8")
    command = [sys.executable, "run.py"]
    with_mode = {**environment(), "OTEL_HANDOFF_MODE": mode}
    done = subprocess.run(command, cwd=tmp_path, env=with_mode, capture_output=True, text=True, timeout=60, check=True)
    filed = lines(tmp_path / "filed.txt")
    wrong = [line for line in filed if len(set(line.split())) > 1]
    assert len(filed) == 8
    assert done.stdout.count("call") == len(wrong)  # of two processes that write at once, words may stand between
    assert bool(wrong) == (mode == "observe")


@pytest.mark.skipif(find_spec("distributed") is None, reason="Dask is not installed: the extra `dask`")
def test_the_dask_page(tmp_path: Path) -> None:
    """A worker in another process is turned on by the plugin."""
    for name in ("farm.py", "farm_run.py"):
        (tmp_path / name).write_text(PROGRAMS[name], "utf-8")
    command, with_mode = [sys.executable, "farm_run.py"], {**environment(), "OTEL_HANDOFF_MODE": "observe"}
    done = subprocess.run(command, cwd=tmp_path, env=with_mode, capture_output=True, text=True, timeout=60, check=True)
    assert lines(tmp_path / "filed.txt") == ["r1 r3", "r2 r3", "r3 r3"]
    assert "a call was filed under ids of another" in done.stderr
    assert "NOT CHECKED" not in done.stderr


def has_kafka() -> bool:
    """Whether Kafka's client is there, and what instruments it."""
    return all(map(find_spec, ("confluent_kafka", "opentelemetry.instrumentation.confluent_kafka")))


@pytest.mark.skipif(not has_kafka(), reason="confluent-kafka is not installed, or its instrumentation")
@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_the_page_on_messages(mode: str, tmp_path: Path) -> None:
    """Two processes, a broker that the client brings, and OpenTelemetry's own instrumentation of that client."""
    from confluent_kafka import Producer

    for name in ("till.py", "till_handoffs.py"):
        (tmp_path / name).write_text(PROGRAMS[name], "utf-8")
    broker = Producer({"bootstrap.servers": "", "test.mock.num.brokers": 1, "log_level": 0})
    servers = ",".join(f"{each.host}:{each.port}" for each in broker.list_topics(timeout=20).brokers.values())
    settings = {
        "OTEL_HANDOFF_MODE": mode,
        "OTEL_HANDOFF_BOUNDARIES": "till_handoffs:BOUNDARIES",
        "OTEL_PROPAGATORS": "tracecontext,baggage,handoff",
        "OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION": "false",
        **dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"), "none"),
    }
    launcher = shutil.which("opentelemetry-instrument", path=str(Path(sys.executable).parent))
    assert launcher is not None
    logged: list[str] = []
    for code in ("import sys; sys.setswitchinterval(5); till.main(servers)", "till.consume(servers, 3)"):
        command = [launcher, sys.executable, "-c", f"import till\nservers = {servers!r}\n{code}"]
        env = {**environment(), **settings}
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=True)
        logged.append(done.stderr)
    filed = lines(tmp_path / "filed.txt")
    wrong = [line for line in filed if len(set(line.split())) > 1]
    assert len(filed) == 3
    assert [text.count("HANDOFF MISMATCH (used)") for text in logged] == [len(wrong)] * 2, logged
    assert bool(wrong) == (mode == "observe")
    assert not any("NOT CHECKED" in text for text in logged), logged


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: the extra `ray`")
@pytest.mark.parametrize("mode", ["observe", "pin"])
def test_the_page_on_ray(mode: str, tmp_path: Path) -> None:
    """A worker is turned on by Ray's own hook; what it files is told by `check`, or right."""
    for name in ("pier.py", "pier_on.py"):
        (tmp_path / name).write_text(PROGRAMS[name], "utf-8")
    settings = {
        "OTEL_HANDOFF_MODE": mode,
        "OTEL_PROPAGATORS": "tracecontext,baggage,handoff",
        "RAY_AUTH_MODE": "disabled",
    }
    command, env = [sys.executable, "-c", "import pier; pier.main()"], {**environment(), **settings}
    subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, timeout=90, check=True)
    wrong = {"observe": ["r1 r3", "r2 r3"], "pin": []}[mode]
    assert lines(tmp_path / "filed.txt") == sorted([*(wrong or ["r1 r1", "r2 r2"]), "r3 r3"])
    told = checked(tmp_path / "traces.jsonl")
    called = [one for one in told["mismatches"] if one["evidence"] == "call"]
    assert (told["judged"], len(called)) == (3, len(wrong))
