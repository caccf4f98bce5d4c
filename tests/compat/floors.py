"""What pyproject.toml promises to work with at the least, as pip requirements: `python -m tests.compat.floors [demo]`.

Without an argument, of all that can be installed together; with `demo`, of that extra, and of what runs its tests.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from importlib.metadata import requires
from typing import Final

NEWER: Final = {
    "grafana-foundation-sdk": "needs Python 3.11",
    "opentelemetry-configuration": "needs a newer SDK",
    "opentelemetry-exporter-otlp-json-file": "needs a newer SDK",
    "playwright": "asks for one exact greenlet",
}
"""What cannot be installed together with the other floors."""

_REQUIREMENT: Final = re.compile(r"([\w.-]+)(?:\[[\w,]+\])?([^;]*)(?:;(.*))?")


def floors(extras: Iterable[str] = ()) -> dict[str, str]:
    """Return the lowest version of each package that the core and these extras require.

    Raises:
        ValueError: one has no floor.
    """
    wanted = {None, *extras}
    found: dict[str, str] = {}
    for line in requires("otel-handoff") or ():
        match = _REQUIREMENT.fullmatch(line)
        assert match is not None
        name, versions, marker = match[1], match[2], match[3] or ""
        extra = re.search(r"extra == ['\"](\w+)['\"]", marker)
        if name == "otel-handoff" or (extra and extra[1]) not in wanted:
            continue
        floor = re.search(r">=\s*([\w.]+)", versions)
        if floor is None:
            raise ValueError(f"{line!r} has no floor")
        found[name] = floor[1]
    return found


def demo_floors() -> dict[str, str]:
    """Return the lowest versions of the extra `demo`, with the OpenTelemetry packages that its exporter goes with.

    OpenTelemetry for Python releases them together: 1.44.0 with 0.65b0.
    """
    lowest = floors(("sdk", "demo"))
    beta = lowest["opentelemetry-exporter-otlp-json-file"]
    stable = f"1.{int(beta.split('.')[1].partition('b')[0]) - 21}.0"
    forced = dict.fromkeys(("opentelemetry-api", "opentelemetry-sdk"), stable)
    return {**lowest, **forced, "opentelemetry-instrumentation": beta}


def _main() -> None:
    every = floors(("sdk", "demo", "test"))
    if sys.argv[1:] == ["demo"]:
        wanted = {**demo_floors(), **{name: every[name] for name in ("pytest", "pytest-timeout")}}
    else:
        wanted = {name: version for name, version in every.items() if name not in NEWER}
    for package, version in wanted.items():
        print(f"{package}=={version}")  # noqa: T201


if __name__ == "__main__":
    _main()
