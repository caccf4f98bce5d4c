"""Wrappers that one thread puts on while another takes them off: what is taken off is gone."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from otel_handoff.host.parameters import Parameters
from otel_handoff.host.standin import stand_in
from otel_handoff.host.wrapping import Patch, Wrap
from tests.hosts import WAIT

NAME = "a_module_of_the_host"


class Halting(type):
    """A class that holds back whoever puts something on it, in the thread that is named."""

    entered: threading.Event
    go: threading.Event

    def __setattr__(cls, name: str, value: Any) -> None:
        if threading.current_thread().name == "halted" and not cls.entered.is_set():
            cls.entered.set()
            assert cls.go.wait(WAIT)
        super().__setattr__(name, value)


def submit(_self: object) -> str:
    """Submit function."""
    return "own"


def submit_late(_self: object) -> str:
    """That of a subclass."""
    return "late"


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module of the host, with a class that has a subclass; whatever is done, they are as before in the end."""
    module: Any = ModuleType(NAME)
    module.Host = Halting("Host", (), {"submit": submit, "enqueue": submit})
    module.Late = Halting("Late", (module.Host,), {"submit": submit_late})
    monkeypatch.setitem(sys.modules, NAME, module)

    def there() -> list[dict[str, int]]:
        classes: list[type] = [module.Host, module.Late]
        return [{name: id(value) for name, value in vars(cls).items()} for cls in classes]

    before = there()
    yield module
    assert there() == before


def halted(run: Callable[[], object], *, wait: bool = True) -> Callable[[], None]:
    """Run it on a thread until it puts something on a class; return what lets it go on to its end."""
    Halting.entered, Halting.go = threading.Event(), threading.Event()
    thread = threading.Thread(target=run, name="halted")
    thread.start()
    assert not wait or Halting.entered.wait(WAIT)

    def end() -> None:
        Halting.go.set()
        thread.join(WAIT)

    return end


def wrap(function: Any, _parameters: Parameters) -> Any:
    """Wrap it."""

    def seen(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> str:
        return f"seen {wrapped(*args, **kwargs)}"

    return stand_in(function, seen)


def patched(wrap: Wrap = wrap) -> Patch:
    """Wrap the submit function."""
    patch = Patch(f"{NAME}:Host.submit", wrap, overrides=True)
    patch.apply()
    return patch


def test_a_row_finds_an_override_while_it_is_undone(host: Any) -> None:
    """It is put on when the others are off already; the class has its own function back all the same."""
    patch = patched()
    end = halted(patch.cover_overrides)
    patch.remove()
    end()
    assert not patch.attached
    assert patch.cover_overrides() == []
    assert not patch.cover(host.Late)


def test_another_one_comes_and_goes_meanwhile(host: Any) -> None:
    """The thread takes what it finds there for the host's own: it is another wrapper of ours, which goes as well."""
    wrapping, come = threading.Event(), threading.Event()

    def late_wrap(function: Any, parameters: Parameters) -> Any:
        if threading.current_thread().name == "halted":
            wrapping.set()
            assert come.wait(WAIT)
        return wrap(function, parameters)

    patch = patched(late_wrap)
    begun = halted(patch.cover_overrides, wait=False)
    assert wrapping.wait(WAIT)
    patch.remove()
    another = patched()
    another.cover_overrides()
    assert host.Late().submit() == "seen late"
    come.set()
    assert Halting.entered.wait(WAIT)
    another.remove()
    begun()


def test_another_one_comes_and_stays(host: Any) -> None:
    """The thread puts its own over it, and gives back what it found: that is no reason to leave the other one's."""
    patch = patched()
    end = halted(patch.cover_overrides)
    patch.remove()
    another = patched()
    another.cover_overrides()
    end()
    another.remove()


def test_a_module_is_loaded_while_it_is_undone(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The importing thread is about to wrap what is no longer to be wrapped; its aliases are not, either."""
    monkeypatch.delitem(sys.modules, NAME)
    patch = patched()
    end = halted(lambda: patch.attach(host))
    patch.remove()
    end()
    assert not patch.attached


def test_a_class_that_refuses_is_left_out() -> None:
    """Nothing is listed that is not there."""

    class Refuses(type):
        def __setattr__(cls, name: str, value: Any) -> None:
            raise TypeError(name)

    refusing: Any = Refuses("Refusing", (), {"submit": submit})
    module: Any = ModuleType(NAME)
    module.Host = refusing
    patch = Patch(f"{NAME}:Host.submit", wrap)
    with pytest.raises(TypeError):
        patch.attach(module)
    assert not patch.attached


def test_what_was_never_applied_can_be_removed() -> None:
    """Whoever fails half way does not know how far it came."""
    Patch(f"{NAME}:submit", wrap).remove()
