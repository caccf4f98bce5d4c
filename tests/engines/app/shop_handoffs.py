"""The declaration, which both sides have."""

from otel_handoff import Boundary, Call

CALLS = [Call("shop:file", ids={"row": "under"})]
BOUNDARIES = [
    Boundary(name="bills", work="celery:shop.bill", context="desk", fields={"row": "row"}, calls=CALLS),
    Boundary(name="plain", work="celery:shop.plain", context="desk", fields={"row": "row"}, calls=CALLS),
    Boundary(name="follow", work="celery:shop.follow", context="desk", fields={"row": "row"}, calls=CALLS),
    Boundary(name="named", work="celery:shop.named", context="desk", fields={"row": "row"}, calls=CALLS),
    Boundary(name="shared", work="celery:shop.shared", context="desk", fields={"row": "row"}, calls=CALLS),
    Boundary(name="note", work="celery:shop.note", context="desk", fields={"row": "row"}, calls=CALLS),
    Boundary(name="again", work="celery:shop.again", context="desk", fields={"row": "row"}, calls=CALLS),
    Boundary(name="killed", work="celery:shop.killed", context="desk", fields={"row": "row"}, calls=CALLS),
    Boundary(name="rejected", work="celery:shop.rejected", context="desk", fields={"row": "row"}, calls=CALLS),
    Boundary(name="stubborn", work="celery:shop.stubborn", context="desk", fields={"row": "row"}, calls=CALLS),
    Boundary(
        name="own", work="celery:shop.own", context="self", fields={"row": "row"}, ids={"row": "row"}, calls=CALLS
    ),
]
