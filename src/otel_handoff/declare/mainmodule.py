"""The module that is run as the main program: its functions are those of `__main__`, whatever its file is called.

A boundary that names it by its own name sees nothing. It is told when the instrumentation is turned on, before that
module has run: nothing that could be wrapped is there then, and no hook of Python's comes between its definitions and
the call at its end.
"""

from __future__ import annotations

import ast
import importlib.util
import logging
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from otel_handoff.boundary import Boundary
from otel_handoff.host.targets import found_at

_logger = logging.getLogger("otel_handoff")

_MAIN: Final = "__main__"
_WITH_VALUE: Final = "WX"


def warn_of_it(boundaries: Iterable[Boundary]) -> None:
    """Warn, once, of the boundaries that name functions of the main module."""
    found: dict[str, list[Boundary]] = {}
    for boundary in boundaries:
        for module in set[str]() if boundary.engine else {_module(boundary.hands_over), _module(boundary.work)}:
            if is_run(module) and not (module == _MAIN and are_there(boundary)):
                found.setdefault(module, []).append(boundary)
    for module, of in found.items():
        names = ", ".join(repr(name) for name in dict.fromkeys(boundary.name for boundary in of))
        _logger.warning("%s", f"{said_of(module)}: nothing of it is wrapped for {names}. {advice(module, of)}")


def said_of(module: str) -> str:
    """Return what is said of a module that is run as the main program."""
    if module == _MAIN:
        return "A boundary names __main__, the main program, which has not run yet"
    return f"{module} is run as the main program ({_shown()}), and its functions are those of __main__"


def advice(module: str, boundaries: Sequence[Boundary]) -> str:
    """Return what to do about it."""
    if module == _MAIN:
        return "Move the pipeline into a module of its own, and name that."
    do = f"Start it as `python -c 'import {module}; {module}.main()'`, or move the pipeline into a module of its own"
    if all(are_there(of_main(boundary, module)) for boundary in boundaries):
        do += f", or name {_MAIN}:... in the Boundary, as it is instrumented from within"
    return f"{do}."


def is_run(module: str) -> bool:
    """Whether `module` is what this process runs as its main program."""
    if module == _MAIN:
        return True
    run = _program()
    if run is None:
        return False
    as_module, name = run
    if as_module:
        return module in (name, f"{name}.{_MAIN}") and (module != name or not _is_package(name))
    return name.endswith(".py") and _is_file_of(module, Path(name))


def is_a_script(module: str) -> bool:
    """Whether a module that can be imported is made to be run, too, by its `if __name__ == "__main__":`."""
    file = getattr(sys.modules.get(module), "__file__", None)
    try:
        tree = ast.parse(Path(file).read_bytes()) if file and file.endswith(".py") else None
    except (OSError, SyntaxError, ValueError):
        return False
    return tree is not None and any(isinstance(node, ast.If) and _asks(node.test) for node in tree.body)


def _asks(test: ast.expr) -> bool:
    compared = [test.left, *test.comparators] if isinstance(test, ast.Compare) else []
    return any(isinstance(one, ast.Name) and one.id == "__name__" for one in compared) and any(
        isinstance(one, ast.Constant) and one.value == _MAIN for one in compared
    )


def _module(target: str) -> str:
    return target.partition(":")[0]


def are_there(boundary: Boundary) -> bool:
    """Whether the functions that are to be in `__main__` are there by now: the program itself turns us on."""
    targets = [target for target in (boundary.hands_over, boundary.work) if _module(target) == _MAIN]
    return all(found_at(target) is not None for target in (_MAIN, *targets))


def of_main(boundary: Boundary, module: str) -> Boundary:
    """Return a boundary that names `__main__` where it names `module`, as which that is run."""

    def moved(target: str) -> str:
        return f"{_MAIN}:{target.partition(':')[2]}" if _module(target) == module and ":" in target else target

    context = boundary.context
    return replace(
        boundary,
        submit=moved(boundary.submit) if boundary.submit is not None else None,
        work=moved(boundary.work),
        context=moved(context) if isinstance(context, str) else [moved(place) for place in context],
    )


# -- what Python was started with


def _program() -> tuple[bool, str] | None:
    """Return whether a module is run (`-m`) or a file, and which; None for code (`-c`), stdin and a prompt."""
    arguments = iter(sys.orig_argv[1:])
    for argument in arguments:
        if argument == "--":
            return _file(next(arguments, ""))
        if not argument.startswith("-") or argument == "-":
            return _file(argument)
        if argument == "--check-hash-based-pycs":
            next(arguments, None)
        if argument.startswith("--"):
            continue
        for place, letter in enumerate(argument[1:], 2):
            if letter == "c":
                return None
            if letter == "m":
                return True, argument[place:] or next(arguments, "")
            if letter in _WITH_VALUE:
                if not argument[place:]:
                    next(arguments, None)
                break
    return None


def _file(name: str) -> tuple[bool, str] | None:
    return (False, name) if name not in ("", "-") else None


def _shown() -> str:
    run = _program()
    assert run is not None
    return f"python -m {run[1]}" if run[0] else f"python {run[1]}"


def _is_package(name: str) -> bool:
    first, *others = name.split(".")
    # The current directory is looked into first, and is not on the path yet where this is said before the program runs.
    places = [str(Path(first).absolute()), *(_places(first) or ())]
    return any(Path(place, *others).is_dir() for place in places)


def _is_file_of(module: str, script: Path) -> bool:
    script = script.absolute()
    *packages, name = module.split(".")
    if script.stem != name or list(script.parts[-1 - len(packages) : -1]) != packages:
        return False
    places = _places(packages[0]) if packages else None
    if places is None:  # its directory is the first in which modules are looked for
        return True
    return any(_same(Path(place, *packages[1:], script.name), script) for place in places)


def _places(package: str) -> list[str] | None:
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    return list(spec.submodule_search_locations) if spec and spec.submodule_search_locations is not None else None


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
