"""django-request-logging 0.7.3, Rhumbix/django-request-logging#142: one middleware keeps the request's body on itself.

All threads of the server share it, and log the body of the request that came last. `thread`: a thread is given the
application itself. `server`: a function of the server's, which calls it.
"""

from __future__ import annotations

import logging
import threading

import django
from django.conf import settings

settings.configure(ALLOWED_HOSTS=["*"], REQUEST_LOGGING_ENABLE_COLORIZE=False, ROOT_URLCONF=__name__, SECRET_KEY="none")
django.setup()

from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from request_logging.middleware import LoggingMiddleware

from otel_handoff import Boundary, Call
from tests.reports.books import WAIT, books, refusing
from tests.reports.expected import Expected

EXPECTED = Expected(
    shared="`self.cached_request_body` of the middleware, by all requests",
    records=3,
    wrong=2,
    culprit="middleware.py in __call__",
)
BODIES = [f"body-{n}" for n in range(3)]
all_in = threading.Barrier(len(BODIES), timeout=WAIT)
owners: dict[int, str] = {}
urlpatterns: list[object] = []


class Log(logging.Handler):
    """Where the middleware writes to."""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if "body-" in text:
            write(text.removeprefix("b'").removesuffix("'").encode())


def write(body: bytes) -> None:
    books.file(owners[threading.get_ident()], body.decode())


def view(request: HttpRequest) -> HttpResponse:
    owners[threading.get_ident()] = request.body.decode()
    all_in.wait()
    return HttpResponse("done")


def declared(variant: str) -> Boundary:
    assert variant
    return Boundary(
        "web",
        work="request_logging.middleware:LoggingMiddleware.__call__",
        context="self",
        fields={"body": "cached_request_body"},
        ids={"body": "request.body"},
        calls=[Call(f"{__name__}:write", {"body": "body"})],
    )


def run(variant: str) -> None:
    log = logging.getLogger("django.request")
    log.setLevel(logging.DEBUG)
    log.addHandler(Log())
    log.propagate = False
    application = LoggingMiddleware(view)

    def serve(request: HttpRequest) -> None:
        with refusing():
            application(request)

    threads: list[threading.Thread] = []
    for body in BODIES:
        with books.request(body):
            request = RequestFactory().post("/", data=body, content_type="text/plain")
            threads.append(threading.Thread(target=application if variant == "thread" else serve, args=(request,)))
            threads[-1].start()
    for thread in threads:
        thread.join(WAIT)
