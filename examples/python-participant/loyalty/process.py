"""The threads of the process, and how it ends: on SIGTERM each finishes its transaction."""

import logging
import signal
import threading
from typing import Callable

from loyalty.broker import Broker
from loyalty.consumer import Consumer
from loyalty.db import Database
from loyalty.document import Document, Queue, Sending
from loyalty.failure import ENVIRONMENT, Failure
from loyalty.intake import SERVICE, Intake
from loyalty.points import LISTENED
from loyalty.relay import Relay
from loyalty import web

# Seconds that an orderly end may take. Whoever still waits for a broker then loses nothing by it.
PATIENCE = 10

log = logging.getLogger(__name__)


class Plan:
    """What the document asks of this service."""

    def __init__(self, document: Document):
        self.document = document
        events = [document.event(type_) for type_ in LISTENED]
        self.queue: Queue = document.queue(SERVICE, events)
        self.dead: Queue = document.dead(SERVICE, self.queue)
        # Its own events go where those that it hears come from.
        self.sending: Sending = document.sending(events[0])

    def told(self) -> dict:
        """The same in words that a person can check."""
        queues = [
            {"queue": queue.name, "arguments": queue.arguments,
             "bindings": [f"{exchange.name} {key}" for exchange, key in queue.bindings]}
            for queue in (self.queue, self.dead)
        ]
        return {"queues": queues, "publishes": vars(self.sending) | {
            "exchange": self.sending.exchange.name,
        }}


class Threads:
    """Threads that end together, and with them the process."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failure: Failure | None = None

    def start(self, name: str, work: Callable[[], None]) -> None:
        """Starts one. Where it ends by itself, all end."""
        def guarded() -> None:
            try:
                work()
            except Failure as failure:
                self._failure = self._failure or failure
            except Exception as error:
                log.exception("%s has failed", name)
                text = f"the {name} has failed: {error!r}"
                self._failure = self._failure or Failure(ENVIRONMENT, text)
            self.stop.set()
        # As daemons: none of them keeps the process when its patience is at an end.
        thread = threading.Thread(target=guarded, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def wait(self) -> None:
        """Until a signal or a failure, and then until all have ended."""
        self.stop.wait()
        for thread in self._threads:
            thread.join(PATIENCE)
        if self._failure is not None:
            raise self._failure


def run(plan: Plan, server: Broker, data: str, listen: str, prefetch: int,
        won_per_point: int) -> None:
    """Works until it is told to stop."""
    Database(data).close()  # a file that cannot be used is told before anything is started
    consumer = Consumer(server, plan.queue, plan.dead, prefetch)
    relay = Relay(server, plan.sending)
    http = web.bind(listen, data, consumer.ready.is_set)
    threads = Threads()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: threads.stop.set())
    host, port = http.server_address[:2]
    log.info("http://%s:%d/points/<customer>", host, port)

    def consume() -> None:
        database = Database(data)
        make = lambda database: Intake(plan.document, database, won_per_point)  # noqa: E731
        consumer.run(database, make, relay.wake, threads.stop)
        database.close()

    def publish() -> None:
        database = Database(data)
        relay.run(database, threads.stop)
        database.close()

    threads.start("consumer", consume)
    threads.start("relay", publish)
    # Not one of them: it holds nothing that must be finished.
    threading.Thread(target=http.serve_forever, name="web", daemon=True).start()
    threads.wait()
    log.info("ended")
