"""What the operator declares, beside the program."""

from otel_handoff import Boundary, Call

BOUNDARIES = [
    Boundary(
        name="orders",
        submit="orders:Pool.enqueue",
        work="orders:Pool._run",
        fields={"order_id": "order.id"},
        calls=[Call("orders:Ledger.post", {"order_id": "order_id"})],
    )
]
