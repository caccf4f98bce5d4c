"""The service that rows are sent to: loopback HTTP, real sockets, answers computed from the text."""

from __future__ import annotations

import json
import re
import socketserver
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_WORD = re.compile(r"[A-Za-z][A-Za-z'\u2019-]*")
_SENTENCE_END = re.compile(r"[.!?]+(?=\W|$)")
_VOWELS = re.compile(r"[aeiouy]+")


def analyse(text: str, ask: str) -> dict[str, float]:
    """Answer one question about a text: `words`, `sentences` or `readability`.

    `readability` is Flesch's reading ease (J. of Applied Psychology 32, 1948), syllables taken as groups of vowels.

    Raises:
        ValueError: another question.
    """
    words = _WORD.findall(text)
    sentences = max(1, len(_SENTENCE_END.findall(text)))
    if ask == "words":
        return {"words": len(words), "letters": sum(map(len, words))}
    if ask == "sentences":
        return {"sentences": sentences, "words_per_sentence": round(len(words) / sentences, 2)}
    if ask == "readability":
        syllables = sum(max(1, len(_VOWELS.findall(word.lower()))) for word in words)
        count = max(1, len(words))
        return {"reading_ease": round(206.835 - 1.015 * count / sentences - 84.6 * syllables / count, 1)}
    raise ValueError(f"unknown question {ask!r}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One write for an answer: the two that are the default meet Nagle and delayed ACK, 40 ms each.
    wbufsize = -1
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        """Answer `{"row", "attempt", "request", "ask", "text"}`, when it is time."""
        question: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.arrived(question["row"], question["attempt"])
        body = json.dumps(analyse(question["text"], question["ask"])).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Log nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, port: int, arrived: Callable[[str, int], object]) -> None:
        self.arrived = arrived
        super().__init__(("127.0.0.1", port), _Handler)

    def server_bind(self) -> None:
        # Without the look-up of the host's name that HTTPServer does, which may take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]


class Service:
    """The service, running in threads of its own until `close`."""

    def __init__(self, port: int, arrived: Callable[[str, int], object]) -> None:
        """Listen on 127.0.0.1; `port` 0 takes a free one. `arrived(row_id, attempt)` may hold a request up.

        Raises:
            OSError: the port is taken, or not for this user.
        """
        try:
            self._server = _Server(port, arrived)
        except OSError as error:
            raise OSError(error.errno, f"cannot listen on 127.0.0.1:{port}: {error.strerror}") from error
        self.url = f"http://127.0.0.1:{self._server.server_port}/analyse"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="demo-service")
        self._thread.start()

    def close(self) -> None:
        """Stop, when every client has closed its connections."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
