"""As pipeline.py, and each row makes a request to $SERVICE: `python fetch.py LANDSCAPE.db`."""

from __future__ import annotations

import os
import sys

import httpx
import pipeline


def fetch(row: str) -> None:
    """Ask for a row."""
    httpx.get(os.environ["SERVICE"], params={"row": row}).raise_for_status()


if __name__ == "__main__":
    pipeline.main(sys.argv[1], fetch)
