"""Who listens to a module hears of each time that it is loaded, and of nothing else."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from otel_handoff.host import imports

NAME = "a_module_of_the_host"
Write = Callable[[str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write what the module is to be."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(source: str) -> None:
        (tmp_path / f"{NAME}.py").write_text(source)
        importlib.invalidate_caches()

    write("value = 1")
    yield write
    sys.modules.pop(NAME, None)


class Listener:
    """Remembers the modules it heard of, and their values by then."""

    def __init__(self) -> None:
        self.heard: list[tuple[ModuleType, Any]] = []

    def __call__(self, module: ModuleType) -> None:
        """Hear of it."""
        self.heard.append((module, getattr(module, "value", None)))


@pytest.fixture
def listener() -> Iterator[Listener]:
    """One that is stopped in the end."""
    listener = Listener()
    yield listener
    imports.stop(NAME, listener)


def load() -> Any:
    """Import it."""
    return importlib.import_module(NAME)


def test_it_hears_of_the_import(write: Write, listener: Listener) -> None:
    """Once its code has run, once."""
    imports.listen(NAME, listener)
    assert listener.heard == []
    module = load()
    assert listener.heard == [(module, 1)]
    load()
    assert len(listener.heard) == 1


def test_it_is_imported_already(write: Write, listener: Listener) -> None:
    """Then it hears of it at once."""
    module = load()
    imports.listen(NAME, listener)
    assert listener.heard == [(module, 1)]


def test_it_hears_of_a_reload(write: Write, listener: Listener) -> None:
    """With what is in it by then."""
    imports.listen(NAME, listener)
    module = load()
    write("value = 'two'")
    importlib.reload(module)
    assert listener.heard == [(module, 1), (module, "two")]


def test_it_hears_of_a_new_import(write: Write, listener: Listener) -> None:
    """Of another module of that name."""
    imports.listen(NAME, listener)
    first = load()
    del sys.modules[NAME]
    second = load()
    assert first is not second
    assert [module for module, _ in listener.heard] == [first, second]


def test_a_module_that_fails(write: Write, listener: Listener) -> None:
    """Nobody hears of it; it fails as without us, and is heard of when it does not."""
    write("value = 1 / 0")
    imports.listen(NAME, listener)
    with pytest.raises(ZeroDivisionError):
        load()
    assert listener.heard == []
    write("value = 'mended'")
    module = load()
    assert listener.heard == [(module, "mended")]


def test_there_is_no_such_module(listener: Listener) -> None:
    """As without us."""
    imports.listen("no_such_module_anywhere", listener)
    try:
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("no_such_module_anywhere")
        assert importlib.util.find_spec("no_such_module_anywhere") is None
    finally:
        imports.stop("no_such_module_anywhere", listener)
    assert listener.heard == []


def test_the_module_has_its_own_loader_while_it_runs(write: Write, listener: Listener) -> None:
    """Its own code already sees the host's."""
    write("value = type(__loader__), type(__spec__.loader)")
    imports.listen(NAME, listener)
    assert load().value == (SourceFileLoader, SourceFileLoader)


def test_the_finders_of_the_host(write: Write, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is put before the others has its say, as without us."""
    asked: list[str] = []

    class Finder:
        def find_spec(self, name: str, _path: Any, _target: Any = None) -> ModuleSpec | None:
            asked.append(name)
            return None

    imports.listen(NAME, listener)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    module = load()
    assert NAME in asked
    assert listener.heard == [(module, 1)]


def test_a_listener_listens_to_another_module_in_turn(write: Write, listener: Listener) -> None:
    """What it does when it hears is its own business: it may stop listening, too."""
    other = Listener()

    def once(module: ModuleType) -> None:
        imports.stop(NAME, once)
        other(module)

    imports.listen(NAME, once)
    imports.listen(NAME, listener)
    module = load()
    importlib.reload(module)
    assert len(other.heard) == 1
    assert len(listener.heard) == 2


def test_the_finder_goes_with_the_last(write: Write, listener: Listener) -> None:
    """What finds modules is as it was; who was not listening may stop all the same."""
    before = list(sys.meta_path)
    other = Listener()
    imports.listen(NAME, listener)
    imports.listen(NAME, other)
    assert len(sys.meta_path) == len(before) + 1
    imports.stop(NAME, listener)
    imports.stop(NAME, listener)
    module = load()
    assert (listener.heard, len(other.heard)) == ([], 1)
    imports.stop(NAME, other)
    assert sys.meta_path == before
    importlib.reload(module)
    assert len(other.heard) == 1


def test_two_threads_import_it(write: Write, listener: Listener) -> None:
    """It is loaded once, and heard of once."""
    imports.listen(NAME, listener)
    both = threading.Barrier(2)
    found: list[Any] = []

    def run() -> None:
        both.wait(20)
        found.append(load())

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] is found[1]
    assert len(listener.heard) == 1
