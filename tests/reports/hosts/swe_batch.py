"""mini-swe-agent 2.4.2, SWE-agent/mini-swe-agent#887: all tasks of a batch have one `config`.

A task writes its image into `config["environment"]` and builds its environment of what is there a moment later.
"""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("MSWEA_SILENT_STARTUP", "1")

import minisweagent.environments
from minisweagent.run.benchmarks import swebench

from otel_handoff import Boundary, Call
from tests.reports.books import WAIT, books, settle
from tests.reports.expected import Expected

EXPECTED = Expected(
    shared="`config['environment']`, by all tasks",
    records=8,
    wrong=6,
    culprit="",  # nothing sees a write to a dict
    prevented=False,
    said=("what is in 'environment', a Slowly, may be read unseen", "reads of a dict are not seen"),
)
BATCH = 4
all_named = threading.Barrier(BATCH, timeout=WAIT)
owners: dict[int, str] = {}
named: set[str] = set()

logging.getLogger("minisweagent").setLevel(logging.CRITICAL + 1)
minisweagent.environments._ENVIRONMENT_MAPPING["docker"] = f"{__name__}.NoDocker"


class NoDocker:
    """The environment that is built; of which image is what is filed."""

    def __init__(self, image: str, **_: Any) -> None:
        books.file(owners[threading.get_ident()], image)

    def execute(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


class Slowly(dict[str, Any]):
    """The settings of the environment: once a task has written its image there, all others write theirs."""

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        task = owners.get(threading.get_ident())
        if key == "image" and task is not None and task not in named:  # else it is being copied
            named.add(task)
            all_named.wait()


class Progress:
    """What the batch shows of its tasks."""

    def on_instance_start(self, instance_id: str) -> None:
        owners[threading.get_ident()] = f"image-{instance_id}"

    def update_instance_status(self, *_: Any) -> None: ...

    def on_instance_end(self, *_: Any) -> None: ...


def declared() -> Boundary:
    batch = "minisweagent.run.benchmarks.swebench"
    return Boundary(
        "swe",
        work=f"{batch}:process_instance",
        context="config",
        fields={"image": "environment.image"},
        ids={"image": "instance.docker_image"},
        calls=[Call(f"{batch}:get_environment", {"image": "config.image"})],
    )


def run() -> None:
    config = {
        "environment": Slowly(environment_class="docker"),
        "model": {
            "model_class": "minisweagent.models.test_models.DeterministicModel",
            "outputs": [],
            "model_name": "none",
        },
    }
    progress: Any = Progress()
    names = [f"task-{n}" for n in range(2 * BATCH)]
    with tempfile.TemporaryDirectory() as folder, books.request("run"):
        books.belongs(*(f"image-{name}" for name in names))
        for batch in (names[:BATCH], names[BATCH:]):
            with ThreadPoolExecutor(BATCH) as executor:
                settle(
                    [
                        executor.submit(swebench.process_instance, task(name), Path(folder), config, progress)
                        for name in batch
                    ]
                )


def task(name: str) -> dict[str, str]:
    return {"instance_id": name, "problem_statement": "any", "docker_image": f"image-{name}"}
