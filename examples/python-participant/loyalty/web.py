"""`GET /points/<customer>`, `/healthz` and `/readyz`. Reads only; who asks need not log in, so it
listens on loopback only."""

import ipaddress
import json
import logging
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Callable
from urllib.parse import unquote, urlsplit

from loyalty.db import Database
from loyalty.failure import USAGE, Failure

log = logging.getLogger(__name__)


def bind(listen: str, data: str, ready: Callable[[], bool]) -> ThreadingHTTPServer:
    """Listens; `serve_forever` answers. `Failure` where that cannot be."""
    try:
        host, _, port = listen.rpartition(":")
        loopback = ipaddress.ip_address(host.strip("[]")).is_loopback
        address = (host.strip("[]"), int(port))
    except ValueError as error:
        text = f"--listen {listen} is no address such as 127.0.0.1:8090"
        raise Failure(USAGE, text) from error
    if not loopback:
        raise Failure(USAGE, f"--listen {listen}: nobody has to log in here, so on loopback only")
    handler = type("Bound", (_Handler,), {"data": data, "ready": staticmethod(ready)})
    try:
        server = ThreadingHTTPServer(address, handler)
    except (OSError, OverflowError) as error:
        raise Failure(USAGE, f"cannot listen on {listen}: {error}") from error
    server.daemon_threads = True
    return server


class _Handler(BaseHTTPRequestHandler):
    data: str
    ready: Callable[[], bool]

    def do_GET(self) -> None:  # noqa: N802, the library's name
        """Answers a request."""
        path = urlsplit(self.path).path
        if path == "/healthz":
            self._answer(HTTPStatus.OK, {"status": "ok"})
        elif path == "/readyz":
            ready = self.ready()
            status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
            self._answer(status, {"status": "ready" if ready else "not ready"})
        elif path.startswith("/points/") and (customer := unquote(path[len("/points/"):])):
            self._answer(HTTPStatus.OK, self._points(customer))
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"title": f"There is no {path}."})

    def _points(self, customer_id: str) -> dict:
        database = Database(self.data)
        try:
            orders = database.orders_of(customer_id)
        finally:
            database.close()
        return {
            "customer_id": customer_id,
            "points": sum(order.points for order in orders),
            "orders": [
                {"order_id": order.order_id, "points": order.points,
                 "milestones": list(order.milestones)}
                for order in orders
            ],
        }

    def _answer(self, status: HTTPStatus, body: dict) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments) -> None:
        """Requests are logged by the program's own log."""
        log.debug(format, *arguments)
