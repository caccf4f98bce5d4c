"""What pyproject.toml promises to work with at the least, as pip requirements: `python -m tests.compat.floors`.

Of all that can be installed together.
"""

from __future__ import annotations

import re
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


def _main() -> None:
    for package, version in floors(("sdk", "file", "demo", "test")).items():
        if package not in NEWER:
            print(f"{package}=={version}")  # noqa: T201


if __name__ == "__main__":
    _main()
