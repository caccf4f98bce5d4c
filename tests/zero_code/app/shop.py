"""Two orders, back to back, on one context and one worker: `python shop.py LEDGER.db`."""

from __future__ import annotations

import sys

from orders import Desk, Ledger, Order, Pool


def main(path: str) -> None:
    """Run."""
    ledger, desk = Ledger(path), Desk()
    pool = Pool(ledger)
    for name in "AB":
        desk.order = Order(name)
        pool.enqueue(desk.order, desk)
    pool.both.set()
    pool.queue.put(None)
    pool.thread.join()
    ledger.connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
