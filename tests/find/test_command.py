"""`otel-handoff find`, run as a user runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from otel_handoff.find.verify import MODES
from tests.command import handoff
from tests.find.programs import CLEAN, OFFICE, WRONG, Program
from tests.zero_code.programs import BIN, QUIET

PLAIN = """
import sys
from concurrent.futures import ThreadPoolExecutor
from office import ROWS, Desk, all_in, file, wrong


def work(row, desk):
    all_in.wait()
    file(row, desk.row)


def main():
    desk = Desk()
    with ThreadPoolExecutor(1) as pool:
        for row in ROWS:
            desk.row = row
            pool.submit(work, row, desk)
        all_in.set()
    print(wrong(), "rows are wrong")


if __name__ == "__main__":
    main()
"""

PROCESSES = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
from office import Desk

ROWS = [f"r{number}" for number in range(20)]


def work(row, desk):
    return row, desk.row


def serve(items, done):
    while (item := items.get()) is not None:
        done.put(work(*item))


def handed(desk):
    for row in ROWS:
        desk.row = row
        yield row, desk


def main(way, method):
    context, desk = multiprocessing.get_context(method), Desk()
    if way == "executor":
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            found = [future.result() for future in [pool.submit(work, *item) for item in handed(desk)]]
    elif way == "pool":
        with context.Pool(2) as pool:
            found = [one.get() for one in [pool.apply_async(work, item) for item in handed(desk)]]
    else:
        items, done = context.Queue(), context.Queue()
        process = context.Process(target=serve, args=(items, done))
        process.start()
        for item in handed(desk):
            items.put(item)
        items.put(None)
        found = [done.get() for _ in ROWS]
        process.join()
    print(sum(row != under for row, under in found))


if __name__ == "__main__":
    main(*sys.argv[1:])
"""

MAPPED = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from processes import ROWS, handed, work
from office import Desk


def star(row, desk):
    return row, desk.row


def each(item):
    row, desk = item
    return row, desk.row


def applied(item):
    row, desk = item
    return row, desk.row


def main():
    context, found = multiprocessing.get_context("fork"), []
    with context.Pool(1) as pool:
        found += pool.starmap(star, handed(Desk()))
        found += pool.map(each, handed(Desk()), chunksize=1)
        found += [one.get() for one in [pool.apply_async(applied, (item,)) for item in handed(Desk())]]
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        found += pool.map(work, ROWS, [Desk()] * len(ROWS))


if __name__ == "__main__":
    main()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the programs."""
    (tmp_path / "office.py").write_text(OFFICE, "utf-8")
    (tmp_path / "plain.py").write_text(PLAIN, "utf-8")
    (tmp_path / "processes.py").write_text(PROCESSES, "utf-8")
    (tmp_path / "mapped.py").write_text(MAPPED, "utf-8")
    for program in (*WRONG, *CLEAN):
        (tmp_path / f"{program.name}.py").write_text(program.text, "utf-8")
    return tmp_path


def find(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in `folder`."""
    env = {**os.environ, **environment}
    command = [sys.executable, "-m", "otel_handoff.cli", "find", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)


def main_of(program: Program) -> tuple[str, ...]:
    """Return the command that runs a program's `main`."""
    return sys.executable, "-c", f"import {program.name}; {program.name}.main()"


IMPORTED = (sys.executable, "-c", "import plain; plain.main()")


def test_what_is_told(folder: Path) -> None:
    """A wrong row has code 1; the lines that wrote and read are named, and the boundary is tried."""
    ran = find(folder, "--verify", "--report", "page.html", "--", *IMPORTED)
    assert ran.returncode == 1, ran.stderr
    page = (folder / "page.html").read_text("utf-8")
    assert [line for line in PLAIN.splitlines() if f"<code>{line.strip()}</code>" in page] == [
        "    file(row, desk.row)",
        "            desk.row = row",
        "            pool.submit(work, row, desk)",
    ]
    place = f"{folder.name}/plain.py"
    assert ran.stdout.splitlines()[1:13] == [
        "WRONG: in 5 of 6 rows the worker read what was written after its hand-over",
        f"  handed over  ThreadPoolExecutor.submit, {place}:17 in main",
        "  work         plain:work",
        "  object       a Desk at 'desk'",
        f"  written      {place}:16 in main, MainThread, 5 times",
        f"  read         {place}:9 in work, ThreadPoolExecutor-0_0, 5 times",
        "  for example  'r6' instead of 'r1'",
        "  field        row = 'row': it held something else in 5 of 5 further hand-overs",
        "  guard it with",
        '    Boundary(name="work", work="plain:work", context="desk", fields={"row": "row"})',
        "  tried        in observe: 6 rows, 5 used",
        "  tried        in pin: 6 rows, 5 prevented",
    ]
    assert ran.stdout.splitlines()[0] == "5 rows are wrong"
    assert "WRONG in 1 hand-over, of 6 rows in 1 process." in ran.stdout


def test_nothing_wrong(folder: Path) -> None:
    """Code 0, and it is said of how many rows; the program goes on to print what it prints."""
    ran = find(folder, "--", *main_of(CLEAN[0]))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Nothing wrong was seen, of 6 rows in 1 process." in ran.stdout


def test_nothing_handed_over(folder: Path) -> None:
    """That is no all-clear."""
    ran = find(folder, "--", sys.executable, "-c", "print('done')")
    assert ran.returncode == 2
    assert "NOT KNOWN: nothing was handed over that find looks at." in ran.stdout


def test_what_cannot_be_seen(folder: Path) -> None:
    """Of a dict that moves no read is seen: that is not known, unless what is proposed is tried."""
    program = next(program for program in WRONG if program.name == "in_a_dict")
    ran = find(folder, "--", *main_of(program))
    assert ran.returncode == 2
    assert "NOT KNOWN in 1 hand-over" in ran.stdout
    assert "what is in a dict cannot be watched" in ran.stdout


def test_a_program_that_fails(folder: Path) -> None:
    """What it would have done was not seen."""
    ran = find(folder, "--", sys.executable, "-c", "import plain, sys; sys.exit(3)")
    assert ran.returncode == 2
    assert "the program ended with 3: what it would have done was not seen" in ran.stderr


def test_mistakes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is one line, and code 2."""
    monkeypatch.chdir(folder)
    for arguments, said in (
        ((), "what is to be run is missing: otel-handoff find -- python app.py"),
        (("--", "nowhere-to-be-found"), "nowhere-to-be-found: there is no such program"),
        (("--", "plain.py"), "a script is run by Python: otel-handoff find -- python plain.py"),
        (("--format", "xml", "--", "python"), "--format is text, json or sarif, not 'xml'"),
        (("--provoke", "soon", "--", "python"), "--provoke is a number of seconds from 0 to 60, not 'soon'"),
    ):
        ran = handoff("find", *arguments)
        assert (ran.code, ran.out) == (2, "")
        assert said in ran.err.splitlines()[-1]


def test_a_script(folder: Path) -> None:
    """It has another name for who imports it, and what is proposed is tried all the same."""
    ran = find(folder, "--verify", "--", sys.executable, "plain.py")
    assert ran.returncode == 1
    assert 'work="plain:work"' in ran.stdout
    assert "note         plain is run as the main program" in ran.stdout
    assert "its own; or start it as `python -c 'import plain; plain.main()'`\n" in ran.stdout
    assert "  tried        in observe: 6 rows, 5 used\n  tried        in pin: 6 rows, 5 prevented\n" in ran.stdout


_IN_ONE_FILE = ("a_method", "a_thread", "a_star", "a_loop_of_tasks", "in_an_executor", "on_itself", "in_a_dict")


@pytest.mark.parametrize("name", _IN_ONE_FILE)
def test_a_program_in_one_file(folder: Path, name: str) -> None:
    """Whatever way it hands over, what is proposed is tried."""
    program = next(program for program in WRONG if program.name == name)
    text = program.text.replace("from office import", "from office import wrong,")
    main = "\n\nif __name__ == '__main__':\n    main()\n    print(wrong())\n"
    (folder / "one.py").write_text(text + main, "utf-8")
    ran = find(folder, "--format", "json", "--verify", "--", sys.executable, "one.py")
    data = json.loads(ran.stdout)
    assert [line for line in ran.stderr.splitlines() if line.isdigit()] == ["5", "5", "0"], ran.stderr
    outcome = "used" if program.verdict == "wrong" else "exposed"
    assert [one["times"] for one in data["tried"]["mismatches"]["observe"] if one["outcome"] == outcome] == [5]
    assert {one["outcome"] for one in data["tried"]["mismatches"]["pin"]} <= {"prevented"}


PAGER = """
from concurrent.futures import ThreadPoolExecutor
from threading import Event

all_in = Event()
pages = []


class Pager:
    cursor_id = "c0"

    def fetch(self, row):
        all_in.wait()
        pages.append((f"c{row}", self.cursor_id))
        self.cursor_id = f"c{row + 1}"


def read_all():
    pager = Pager()
    with ThreadPoolExecutor(1) as pool:
        for row in range(6):
            pool.submit(pager.fetch, row)
        all_in.set()
    assert all(own == read for own, read in pages)


if __name__ == "__main__":
    read_all()
"""


def test_what_is_handed_on_by_the_workers(folder: Path) -> None:
    """It is right, and no trial accuses it; that pin breaks it is said, as it then has each row's own."""
    (folder / "pager.py").write_text(PAGER, "utf-8")
    ran = find(folder, "--verify", "--", sys.executable, "pager.py")
    assert ran.returncode == 2, ran.stdout
    assert "into a module of its own; its workers read what others of them wrote: if that is meant," in ran.stdout
    assert "in doubt     it is not set anew for each row" in ran.stdout
    assert "Do not use it as it is: in pin the program ends otherwise: with 1, not 0." in ran.stdout
    assert "NOT KNOWN in 1 hand-over" in ran.stdout


def test_json(folder: Path) -> None:
    """It is alone on stdout."""
    ran = find(folder, "--format", "json", "--verify", "--", *IMPORTED)
    data = json.loads(ran.stdout)
    assert (data["rows"], data["exit_code"], data["errors"]) == (6, 0, 0)
    assert [(found["verdict"], found["wrong"]) for found in data["found"]] == [("wrong", 5)]
    assert data["tried"]["mismatches"]["observe"] == [{"boundary": "work", "outcome": "used", "times": 5}]
    assert "5 rows are wrong" in ran.stderr


def test_sarif(folder: Path) -> None:
    """A code host shows it at the line that read, with the line that wrote, and knows it again."""
    pytest.importorskip("sarif_pydantic")
    ran = find(folder, "--format", "sarif", "--", *IMPORTED)
    assert ran.returncode == 1, ran.stderr
    data = json.loads(ran.stdout)
    assert data["version"] == "2.1.0"
    (run,) = data["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["handoff-wrong", "handoff-exposed"]
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("handoff-wrong", "error")
    assert (
        'Boundary(name="work", work="plain:work", context="desk", fields={"row": "row"})' in result["message"]["text"]
    )
    places = [_place(one) for one in (*result["locations"], *result["relatedLocations"])]
    assert places == [("plain.py", 9), ("plain.py", 16), ("plain.py", 17)]
    again = json.loads(find(folder, "--format", "sarif", "--", *IMPORTED).stdout)
    assert again["runs"][0]["results"][0]["partialFingerprints"] == result["partialFingerprints"]


def _place(location: Any) -> tuple[str, int]:
    physical = location["physicalLocation"]
    return physical["artifactLocation"]["uri"], physical["region"]["startLine"]


def test_written_proposals(folder: Path) -> None:
    """They can be used as they are: the setting that is named guards the program."""
    ran = find(folder, "--write", "boundaries.py", "--", *IMPORTED)
    assert "1 boundary written into boundaries.py: OTEL_HANDOFF_BOUNDARIES=boundaries:BOUNDARIES" in ran.stderr
    code = (
        "from otel_handoff import HandoffInstrumentor; HandoffInstrumentor().instrument(); import plain; plain.main()"
    )
    env = {**os.environ, "OTEL_HANDOFF_BOUNDARIES": "boundaries:BOUNDARIES", "PYTHONPATH": str(folder)}
    guarded = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=_with_ours(env), capture_output=True, text=True, check=False
    )
    assert guarded.stdout.splitlines()[-1] == "0 rows are wrong", guarded.stderr


def _with_ours(env: dict[str, str]) -> dict[str, str]:
    paths = [env["PYTHONPATH"], *filter(None, [os.environ.get("PYTHONPATH", "")])]
    return {**env, "PYTHONPATH": os.pathsep.join(paths)}


def test_ids_that_are_to_stay(folder: Path) -> None:
    """With hashed ids none is shown."""
    ran = find(folder, "--", *IMPORTED, OTEL_HANDOFF_IDS="hashed")
    assert ran.returncode == 1
    assert "for example  hashed:" in ran.stdout
    assert "'r6'" not in ran.stdout


def test_held_back(folder: Path) -> None:
    """A race that needs luck shows where workers are held back for the next hand-over."""
    (folder / "lucky.py").write_text(PLAIN.replace("    all_in.wait()\n", "").replace("        all_in.set()\n", ""))
    ran = find(folder, "--provoke", "5", "--", sys.executable, "-c", "import lucky; lucky.main()")
    assert ran.returncode == 1, ran.stdout
    assert "WRONG" in ran.stdout


@pytest.mark.parametrize("way", ["executor", "pool", "queue"])
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes(folder: Path, way: str, method: str) -> None:
    """What is pickled later than it was handed over is what the worker reads: each wrong row is found, and guarded."""
    tries = ["--verify"] if method == "fork" else []
    ran = find(folder, "--format", "json", *tries, "--", sys.executable, "processes.py", way, method)
    data: Any = json.loads(ran.stdout)
    wrong, *left = [int(line) for line in ran.stderr.splitlines() if line.isdigit()]
    (found,) = [found for found in data["found"] if found["verdict"] == "wrong"]
    assert found["wrong"] == wrong > 0
    assert [line["place"] for line in found["reads"]] == [""]
    assert {line["file"] for line in found["writes"]} == {str(folder / "processes.py")}
    assert ran.returncode == 1
    if way == "queue":
        assert found["boundary"] is None
        assert found["why_not"].startswith("No boundary follows a row through a queue between processes")
    elif tries:
        assert left[-1] == 0
        told = {mode: [(one["outcome"], one["times"]) for one in data["tried"]["mismatches"][mode]] for mode in MODES}
        assert told == {"observe": [("used", left[0])], "pin": [("prevented", told["pin"][0][1])]}
        assert data["tried"]["rows"] == {mode: {"work": 20} for mode in MODES}


def test_processes_that_are_mapped_over(folder: Path) -> None:
    """Whatever is yielded for them one by one, and what is in a tuple."""
    ran = find(folder, "--format", "json", "--", sys.executable, "mapped.py")
    assert ran.returncode == 1
    found: list[dict[str, Any]] = [one for one in json.loads(ran.stdout)["found"] if one["kind"] == "Desk"]
    assert {(one["way"], one["work"], one["context"], one["wrong"], bool(one["why_not"])) for one in found} == {
        ("Pool.map", "mapped:star", "desk", 19, False),
        ("Pool.map", "mapped:each", "item.1", 19, False),
        ("Pool.apply_async", "mapped:applied", "item.1", 19, False),
        ("ProcessPoolExecutor.map", "processes:work", "desk", 0, False),
    }


def test_an_environment_of_its_own(folder: Path) -> None:
    """A `sitecustomize` that is there already runs as well."""
    own = folder / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import builtins\nbuiltins.it_ran = True\n", "utf-8")
    paths = os.pathsep.join([str(own), *filter(None, [os.environ.get("PYTHONPATH", "")])])
    code = "import plain; plain.main(); print(it_ran)"
    ran = find(folder, "--", sys.executable, "-c", code, PYTHONPATH=paths)
    assert ran.returncode == 1
    assert ran.stdout.splitlines()[1] == "True"


def test_an_end_at_once(folder: Path) -> None:
    """A program that ends by `os._exit` has told what it found."""
    ran = find(folder, "--", sys.executable, "-c", "import os, plain; plain.main(); os._exit(0)")
    assert ran.returncode == 1
    assert "WRONG in 1 hand-over" in ran.stdout


GATHERED = """
import asyncio
from office import ROWS, Desk, file


async def work(row, desk):
    file(row, desk.row)


def made(desk):
    for row in ROWS:
        desk.row = row
        yield work(row, desk)


async def rows():
    made_before = list(made(Desk()))
    await asyncio.gather(*made_before)


def main():
    asyncio.run(rows())
"""


def test_coroutines_that_were_made_before(folder: Path) -> None:
    """What they were called with cannot be seen any more: that is said, and is not known."""
    (folder / "gathered.py").write_text(GATHERED, "utf-8")
    ran = find(folder, "--", sys.executable, "-c", "import gathered; gathered.main()")
    assert ran.returncode == 2, ran.stdout
    said = "work was called before it was handed over: what it was given may have been another then, 6 times"
    assert f"Not looked into: {said}" in ran.stdout
    assert "NOT KNOWN in 1 hand-over" in ran.stdout


SERVICE = """
import os, signal, sys
from otel_handoff.find.service import begin
begin()
import plain
plain.main()
if len(sys.argv) > 1:
    os.kill(os.getpid(), signal.SIGUSR2)
    print(sorted(os.listdir("found")) == [f"{os.getpid()}.json"])
"""


@pytest.mark.parametrize("told", [(), ("now",)], ids=["at its end", "on a signal"])
def test_a_service(folder: Path, told: tuple[str, ...]) -> None:
    """With the variable it is looked at while it goes on running; without, nothing is there."""
    (folder / "service.py").write_text(SERVICE, "utf-8")
    for environment, is_looked_at in (({}, False), ({"OTEL_HANDOFF_FIND": "found"}, True)):
        if is_looked_at or not told:
            command = [sys.executable, "service.py", *told]
            env = {**os.environ, **environment}
            ran = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=True)
            assert ran.stdout.splitlines()[1:] == ["True"] * len(told)
        assert (folder / "found").is_dir() == is_looked_at
    ran = find(folder, "--read", "found")
    assert ran.returncode == 1, ran.stdout
    assert "WRONG in 1 hand-over, of 6 rows in 1 process." in ran.stdout


def test_it_is_begun_by_opentelemetry(folder: Path) -> None:
    """`opentelemetry-instrument` begins it before anything else, where the variable asks for it."""
    launcher = shutil.which("opentelemetry-instrument", path=str(BIN))
    assert launcher is not None
    command = [launcher, sys.executable, "-c", "import plain; plain.main()"]
    env = {**os.environ, **QUIET, "OTEL_HANDOFF_FIND": "found"}
    subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=True)
    ran = find(folder, "--read", "found")
    assert ran.returncode == 1, ran.stdout
    assert 'Boundary(name="work", work="plain:work", context="desk", fields={"row": "row"})' in ran.stdout


CHILD = """
import multiprocessing


def wait(ready):
    ready.set()
    multiprocessing.Event().wait()


if __name__ == "__main__":
    ready = multiprocessing.Event()
    process = multiprocessing.Process(target=wait, args=(ready,))
    process.start()
    ready.wait()
    process.kill()
    process.join()
"""


def test_processes_that_do_not_tell(folder: Path) -> None:
    """One that is ended from outside has told nothing: that is no all-clear."""
    code = "import os, signal, plain; plain.main(); os.kill(os.getpid(), signal.SIGKILL)"
    ran = find(folder, "--", sys.executable, "-c", code)
    assert ran.returncode == 2
    assert (
        "NOT KNOWN, of 0 rows in 0 processes: 1 process began, and ended without a word of what was found."
        in ran.stdout
    )
    (folder / "child.py").write_text(CHILD, "utf-8")
    ran = find(folder, "--", sys.executable, "child.py")
    assert ran.returncode == 2
    assert "1 process began, and ended without a word" in ran.stdout


def test_what_cannot_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is not there, or holds something else, is told in a line; an empty one is not known."""
    monkeypatch.chdir(folder)
    (folder / "other").mkdir()
    (folder / "empty").mkdir()
    (folder / "other" / "x.json").write_text("[1]", "utf-8")
    (folder / "foreign").mkdir()
    (folder / "foreign" / "x.json").write_text('{"found": [{}]}', "utf-8")
    for name, said in (
        ("nowhere", "nowhere: there is no such folder"),
        ("other", f"{Path('other', 'x.json')}: it is no result of find"),
        ("foreign", "foreign: it is no result of find"),
        ("empty", "nothing was written into empty yet: the service writes when it ends, and on SIGUSR2"),
    ):
        ran = handoff("find", "--read", name)
        assert ran.code == 2
        assert said in ran.err


def test_pytest(folder: Path) -> None:
    """`pytest --handoff-find` says the same of what tests hand over, and fails."""
    (folder / "test_plain.py").write_text("import plain\n\n\ndef test_it():\n    plain.main()\n", "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--handoff-find", "test_plain.py"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 1, ran.stdout
    assert "1 passed" in ran.stdout
    assert "WRONG: in 5 of 6 rows the worker read what was written after its hand-over" in ran.stdout
    assert 'Boundary(name="work", work="plain:work", context="desk", fields={"row": "row"})' in ran.stdout
