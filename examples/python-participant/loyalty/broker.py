"""Connections to RabbitMQ, what is declared there, and the pauses between attempts."""

import logging
import random
import threading
from contextlib import contextmanager
from urllib.parse import urlsplit

import pika
from pika import exceptions

from loyalty.document import Queue
from loyalty.failure import ENVIRONMENT, USAGE, Failure

# Seconds. A broker that says nothing for so long is away.
HEARTBEAT = 30
BLOCKED = 60
# Whatever is asked of the broker is answered within this.
ANSWERED = 10
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0

# What ends a connection. It is opened anew, after a pause.
AWAY = (exceptions.AMQPError, OSError)
# What does not go away by itself: login, rights, virtual host; a queue that is made otherwise.
_REFUSED = (402, 403, 406, 530)

log = logging.getLogger(__name__)


class NotYet(exceptions.AMQPError):
    """Something that others make is not there yet; the text says what."""


class Broker:
    """A broker, by its URL."""

    def __init__(self, url: str):
        try:
            parts = urlsplit(url)
            if parts.scheme not in ("amqp", "amqps") or not parts.hostname:
                raise ValueError
            self.place = f"{parts.hostname}:{parts.port or 5672}{parts.path or '/'}"
            self._parameters = pika.URLParameters(url)
        except ValueError as error:
            # Not the URL: there is a password in it.
            text = "--amqp-url is no URL such as amqp://user:password@127.0.0.1:5672/expeditor"
            raise Failure(USAGE, text) from error
        self._parameters.heartbeat = HEARTBEAT
        self._parameters.blocked_connection_timeout = BLOCKED
        self._reached = threading.Event()

    def connect(self, name: str) -> pika.BlockingConnection:
        """Opens a connection of its own, under a name that those who look at the broker see."""
        self._parameters.client_properties = {"connection_name": name}
        return pika.BlockingConnection(self._parameters)

    def reached(self) -> None:
        """All is as it should be: from here on whatever ends a connection is an outage."""
        self._reached.set()

    def lost(self, who: str, error: Exception, pauses: "Pauses") -> float:
        """How long to pause before the next attempt. `Failure` where none would help: then the
        program is set up wrongly, which shows at its start."""
        why = told(error)
        if not self._reached.is_set() and refusal(error):
            raise Failure(ENVIRONMENT, f"{self.place}: {why}")
        pause = pauses.next()
        log.warning("%s: %s: %s; again in %.1f s", who, self.place, why, pause)
        return pause


class Pauses:
    """Pauses that grow, each of another length, so that not all come back at once."""

    def __init__(self) -> None:
        self._next = FIRST_PAUSE

    def next(self) -> float:
        """The next one, in seconds."""
        pause = self._next * random.uniform(0.5, 1.0)
        self._next = min(2 * self._next, LONGEST_PAUSE)
        return pause

    def reset(self) -> None:
        """It went well."""
        self._next = FIRST_PAUSE


def refusal(error: Exception) -> bool:
    """Whether the broker has said no."""
    if isinstance(error, (exceptions.AuthenticationError, exceptions.ProbableAuthenticationError,
                          exceptions.ProbableAccessDeniedError)):
        return True
    return getattr(error, "reply_code", None) in _REFUSED


def told(error: Exception) -> str:
    """An error in words."""
    if isinstance(error, exceptions.AMQPConnectionError) and not str(error):
        return "it does not answer"
    return getattr(error, "reply_text", None) or str(error) or type(error).__name__


@contextmanager
def bounded(connection: pika.BlockingConnection, seconds: float = ANSWERED):
    """Drops the connection where what is done within takes longer, which ends it with an error. A
    quorum queue that has no leader, as after a crash of the broker, does not answer; and pika, whose
    calls know no timeout, would wait for ever, also when there is a leader again."""
    impl = connection._impl

    def drop() -> None:
        # As pika does where heartbeats stay away. An orderly end would wait for the answer too.
        impl._terminate_stream(exceptions.AMQPHeartbeatTimeout(f"no answer within {seconds} s"))

    # Only its loop may be told something by another thread; for neither there is a public name.
    timer = threading.Timer(seconds, impl.ioloop.add_callback_threadsafe, [drop])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def establish(connection: pika.BlockingConnection, queue: Queue, dead: Queue) -> None:
    """Declares this service's queues, the same each time, dead letters first: what is given up must
    have where to go. Exchanges belong to those who publish there: they are looked at, and waited
    for."""
    exchanges = {exchange for one in (queue, dead) for exchange, _ in one.bindings}
    for exchange in sorted(exchanges, key=lambda exchange: exchange.name):
        look(connection, exchange.name)
    channel = connection.channel()
    for one in (dead, queue):
        channel.queue_declare(one.name, durable=True, arguments=one.arguments)
        for exchange, key in one.bindings:
            channel.queue_bind(one.name, exchange.name, key)
    channel.close()


def look(connection: pika.BlockingConnection, exchange: str) -> None:
    """`NotYet` where an exchange is missing. The look has a channel of its own, as one that is
    missing closes it."""
    channel = connection.channel()
    try:
        channel.exchange_declare(exchange, passive=True)
    except exceptions.ChannelClosedByBroker as error:
        if error.reply_code == 404:
            raise NotYet(f"the exchange {exchange} is not there yet") from error
        raise
    channel.close()
