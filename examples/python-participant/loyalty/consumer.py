"""From the queues into the database: prefetch, one transaction a message, acknowledged after its
commit."""

import logging
import sqlite3
import threading
import time
from typing import Callable

from pika import exceptions

from loyalty import broker
from loyalty.broker import Broker, Pauses
from loyalty.db import Database
from loyalty.document import Queue
from loyalty.intake import SERVICE, Intake

# How many seconds a look at the socket lasts at most; a wish to stop is seen within this.
LOOK = 0.5
# How many seconds after its declaration everything is declared again: with an exchange that somebody
# removes go the bindings, and nobody is told.
ESTABLISHED = 10

log = logging.getLogger(__name__)


class Consumer:
    """Takes messages in until it is told to stop."""

    def __init__(self, server: Broker, queue: Queue, dead: Queue, prefetch: int):
        self._server, self._queue, self._dead = server, queue, dead
        self._prefetch = prefetch
        # Whether messages reach this service.
        self.ready = threading.Event()

    def run(self, database: Database, make: Callable[[Database], Intake],
            stored: Callable[[], None], stop: threading.Event) -> None:
        """Works until it is told to stop; `stored` is told after each message. `Failure` where the
        broker refuses at the start."""
        intake, pauses = make(database), Pauses()
        database.forget_old_ids()
        while not stop.is_set():
            try:
                with self._server.connect(f"{SERVICE} consumer") as connection:
                    with broker.bounded(connection):
                        broker.establish(connection, self._queue, self._dead)
                        self._subscribe(connection, intake, stored, stop)
                    self._server.reached()
                    pauses.reset()
                    self._consume(connection, stop)
            except broker.AWAY as error:
                self.ready.clear()
                # With the connection all that was not acknowledged has gone back to its queue.
                stop.wait(self._server.lost("consumer", error, pauses))
        self.ready.clear()

    def _subscribe(self, connection, intake: Intake, stored, stop: threading.Event) -> None:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=self._prefetch)

        def take(work: Callable, method) -> None:
            if stop.is_set():
                return  # it goes back when the connection ends
            pauses = Pauses()
            while True:
                try:
                    work()
                    break
                except sqlite3.Error as error:
                    # Locked, or the disk is full: that is no fault of the message.
                    pause = pauses.next()
                    log.error("nothing can be stored: %s; again in %.1f s", error, pause)
                    connection.sleep(pause)
                if stop.is_set():
                    return
            channel.basic_ack(method.delivery_tag)
            stored()

        def on_message(_, method, properties, body: bytes) -> None:
            take(lambda: intake.take(self._queue.name, properties.message_id, body), method)

        def on_dead(_, method, properties, body: bytes) -> None:
            why = f"the broker gave it up: {_first_death(properties.headers)}"
            take(lambda: intake.bury(self._dead.name, properties.message_id, why, body), method)

        def on_cancel(_) -> None:
            # Its queue was deleted. Opened anew, everything is declared again.
            raise exceptions.ConsumerCancelled()

        channel.add_on_cancel_callback(on_cancel)
        channel.basic_consume(self._dead.name, on_dead)
        channel.basic_consume(self._queue.name, on_message)

    def _consume(self, connection, stop: threading.Event) -> None:
        log.info("listening to %s", self._queue.name)
        self.ready.set()
        established = time.monotonic()
        while not stop.is_set():
            connection.process_data_events(time_limit=LOOK)
            if time.monotonic() - established > ESTABLISHED:
                with broker.bounded(connection):
                    broker.establish(connection, self._queue, self._dead)
                established = time.monotonic()


def _first_death(headers: dict | None) -> str:
    return str((headers or {}).get("x-first-death-reason", "unknown reason"))
