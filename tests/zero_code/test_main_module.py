"""A program whose own file defines what a boundary names: its functions are those of `__main__`, and that is said."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from otel_handoff import Boundary
from otel_handoff.declare import mainmodule
from tests.zero_code.programs import BIN, QUIET, TIMEOUT, clean

POOL = """
from concurrent.futures import ThreadPoolExecutor

from otel_handoff import current_submission


class Pool:
    def __init__(self):
        self.pool = ThreadPoolExecutor(1)

    def enqueue(self, ctx):
        return self.pool.submit(self.work, ctx)

    def work(self, ctx):
        return current_submission() is not None


class Context:
    order_id = "order-0"


def main():
    print("followed:", Pool().enqueue(Context()).result())


if __name__ == "__main__":
    main()
"""

DECLARED = """
from otel_handoff import Boundary

def of(module):
    return [
        Boundary(
            name="orders", submit=f"{module}:Pool.enqueue", work=f"{module}:Pool.work", fields={"order_id": "order_id"}
        )
    ]

POOL, INNER, PACKAGE, MAIN = of("pool"), of("shop.pool"), of("shop"), of("__main__")
"""

SAID = "is run as the main program"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A script, the same as a module in a package, and as a package that can be run; and their declarations."""
    shop = tmp_path / "shop"
    shop.mkdir()
    for path in (tmp_path / "pool.py", shop / "pool.py", shop / "__main__.py"):
        path.write_text(POOL, "utf-8")
    (shop / "__init__.py").write_text(POOL, "utf-8")
    (tmp_path / "declared.py").write_text(DECLARED, "utf-8")
    return tmp_path


def instrumented(cwd: Path, boundaries: str, *command: str) -> tuple[str, str]:
    """Run a command under `opentelemetry-instrument`, and return what it printed and what was said."""
    launcher = shutil.which("opentelemetry-instrument", path=str(BIN))
    assert launcher is not None
    done = subprocess.run(
        [launcher, sys.executable, *command],
        cwd=cwd,
        env=clean({**QUIET, "OTEL_HANDOFF_BOUNDARIES": f"declared:{boundaries}"}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


@pytest.mark.parametrize(
    ("boundaries", "command", "module", "shown"),
    [
        ("POOL", ["pool.py"], "pool", "python pool.py"),
        ("POOL", ["-X", "faulthandler", "-Wignore", "./pool.py", "-m", "x"], "pool", "python ./pool.py"),
        ("POOL", ["-m", "pool"], "pool", "python -m pool"),
        ("INNER", ["-um", "shop.pool"], "shop.pool", "python -m shop.pool"),
        ("INNER", ["shop/pool.py"], "shop.pool", "python shop/pool.py"),
    ],
)
def test_a_boundary_of_the_main_program(
    program: Path, boundaries: str, command: list[str], module: str, shown: str
) -> None:
    """Nothing of it is wrapped, which is said at once, in one warning, with what to do."""
    printed, said = instrumented(program, boundaries, *command)
    assert printed == "followed: False"
    assert said.count(SAID) == 1
    assert f"{module} {SAID} ({shown}), and its functions are those of __main__: nothing of it is wrapped" in said
    assert "'orders'" in said
    assert f"`python -c 'import {module}; {module}.main()'`" in said


@pytest.mark.parametrize(
    ("boundaries", "command"),
    [
        ("POOL", ["-c", "import pool; pool.main()"]),
        ("INNER", ["-c", "import shop.pool; shop.pool.main()"]),
        ("PACKAGE", ["-c", "import shop; shop.main()", "pool.py"]),
    ],
)
def test_a_boundary_of_a_module_that_is_imported(program: Path, boundaries: str, command: list[str]) -> None:
    """It is wrapped, as the advice says, and nothing is said."""
    assert instrumented(program, boundaries, *command) == ("followed: True", "")


@pytest.mark.parametrize(
    ("boundaries", "command"),
    [
        ("PACKAGE", ["-m", "shop"]),  # what is run is shop.__main__
        ("INNER", ["pool.py"]),  # not the one of the package
        ("POOL", ["shop/__main__.py"]),
    ],
)
def test_a_program_that_is_another_module(program: Path, boundaries: str, command: list[str]) -> None:
    """Nobody is told to mend what is in order."""
    assert SAID not in instrumented(program, boundaries, *command)[1]


def test_a_boundary_of_main_by_that_name(program: Path) -> None:
    """The program has not run by then."""
    printed, said = instrumented(program, "MAIN", "pool.py")
    assert printed == "followed: False"
    assert "A boundary names __main__, the main program, which has not run yet: nothing of it is wrapped" in said


@pytest.mark.parametrize(("boundaries", "followed"), [("POOL", False), ("MAIN", True)])
def test_a_program_that_instruments_itself(program: Path, boundaries: str, followed: bool) -> None:
    """Once its functions are there they can be named as those of `__main__`, which it is told."""
    text = POOL.replace(
        "    main()\n",
        f"    import declared\n    from otel_handoff import HandoffInstrumentor\n"
        f"    HandoffInstrumentor().instrument(boundaries=declared.{boundaries})\n    main()\n",
    )
    (program / "pool.py").write_text(text, "utf-8")
    done = subprocess.run(
        [sys.executable, "pool.py"], cwd=program, env=clean({}), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"followed: {followed}"
    assert ("or name __main__:... in the Boundary" in done.stderr) is not followed
    assert (SAID in done.stderr) is not followed


@pytest.mark.parametrize(
    ("arguments", "run"),
    [
        (["pool.py"], True),
        (["-I", "pool.py"], True),
        (["-W", "pool.py", "other.py"], False),
        (["-Xdev", "pool.py"], True),
        (["--check-hash-based-pycs", "always", "pool.py"], True),
        (["--", "pool.py"], True),
        (["-c", "import pool"], False),
        (["-mpool"], True),
        (["-"], False),
        ([], False),
        (["pool"], False),
    ],
)
def test_how_python_was_started(arguments: list[str], run: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its options, which come before what is run."""
    monkeypatch.setattr(sys, "orig_argv", ["python", *arguments])
    assert mainmodule.is_run("pool") is run


def test_boundaries_are_told_together(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """One warning for a module, whoever names it."""
    monkeypatch.setattr(sys, "orig_argv", ["python", "pool.py"])
    boundaries = [
        Boundary(name=name, submit="pool:f", work=work, fields={"order_id": "order_id"})
        for name, work in (("orders", "pool:g"), ("returns", "other:g"))
    ]
    mainmodule.warn_of_it(boundaries)
    (record,) = caplog.records
    assert "nothing of it is wrapped for 'orders', 'returns'. Start it" in record.getMessage()
