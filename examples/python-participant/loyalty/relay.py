"""From the outbox to the broker: in order, and deleted once the broker has confirmed. What is sent
twice since a delete got lost is dropped by whoever has it already."""

import logging
import threading

import pika

from loyalty import broker
from loyalty.broker import Broker, Pauses
from loyalty.db import Database
from loyalty.document import Sending
from loyalty.envelope import News
from loyalty.intake import SERVICE

MOST = 100
# Seconds between two looks at the outbox when nobody says that there is something.
LOOK = 0.5

log = logging.getLogger(__name__)


class Relay:
    """Publishes until it is told to stop."""

    def __init__(self, server: Broker, sending: Sending):
        self._server, self._sending = server, sending
        self._news = threading.Event()

    def wake(self) -> None:
        """There may be something in the outbox."""
        self._news.set()

    def run(self, database: Database, stop: threading.Event) -> None:
        """Works until it is told to stop. Its connection is its own: a broker that is out of memory
        stops those that publish, and must not stop acknowledgements with them."""
        pauses = Pauses()
        while not stop.is_set():
            try:
                with self._server.connect(f"{SERVICE} relay") as connection:
                    with broker.bounded(connection):
                        # Publishing where there is no exchange would close the channel.
                        broker.look(connection, self._sending.exchange.name)
                        channel = connection.channel()
                        channel.confirm_delivery()
                    while not stop.is_set():
                        self._drain(connection, channel, database, stop, pauses)
                        connection.process_data_events(time_limit=0)
                        self._news.wait(LOOK)
                        self._news.clear()
            except broker.AWAY as error:
                stop.wait(self._server.lost("relay", error, pauses))

    def _drain(self, connection, channel, database: Database, stop, pauses: Pauses) -> None:
        while not stop.is_set() and (rows := database.waiting(MOST)):
            for row in rows:
                if stop.is_set():
                    break
                with broker.bounded(connection):
                    self._publish(channel, row.news)
                database.confirmed(row)
                pauses.reset()

    def _publish(self, channel, news: News) -> None:
        # Comes back with the confirm; raises where the broker refuses the message or no queue takes
        # one that is mandatory.
        channel.basic_publish(
            self._sending.exchange.name, news.routing_key, news.body,
            properties=pika.BasicProperties(
                content_type=self._sending.content_type,
                delivery_mode=self._sending.delivery_mode,
                message_id=news.id,
                type=news.type,
            ),
            mandatory=self._sending.mandatory,
        )
