"""What a message does, in one transaction: inbox, sequence, points, outbox. Knows no broker; who
calls it acknowledges once it has come back.
"""

import logging

from loyalty import envelope, points
from loyalty.db import Database
from loyalty.document import Document

SERVICE = "loyalty"

log = logging.getLogger(__name__)


class Intake:
    """Takes messages in."""

    def __init__(self, document: Document, database: Database, won_per_point: int):
        self._whole = document.json
        self._events = {kind: document.event(kind) for kind in points.LISTENED}
        self._database = database
        self._won_per_point = won_per_point

    def take(self, queue: str, message_id: str | None, body: bytes) -> None:
        """Does what follows from a message, and stores it. One that nothing can be done with
        becomes a dead letter. Raises only what the database does: then nothing was stored, and the
        message is to be tried again."""
        try:
            heard = envelope.decode(body, self._events, self._whole)
            with self._database.transaction():
                self._apply(heard)
        except envelope.Unreadable as unreadable:
            self.bury(queue, message_id, str(unreadable), body)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            # A mistake in this program. It must not hold up what comes behind.
            self.bury(queue, message_id, f"the code failed: {error!r}", body)

    def bury(self, queue: str, message_id: str | None, error: str, body: bytes) -> None:
        """Keeps a message as a dead letter."""
        with self._database.transaction():
            self._database.bury(queue, message_id, error, body)
        log.warning("a message is a dead letter: %s from %s: %s", message_id, queue, error)

    def _apply(self, heard: envelope.Heard) -> None:
        database = self._database
        if not database.is_new(heard.id):
            return
        if not database.is_latest(heard.source, heard.subject, heard.sequence):
            return
        order = points.hear(database.order(heard.data["order_id"]), heard.type, heard.data)
        order, told = points.settle(order, self._won_per_point, envelope.now())
        database.save(order)
        if told is not None:
            sequence = len(order.milestones)
            data = points.fact(order)
            news = envelope.news(f"/{SERVICE}", told, order.order_id, sequence, data, heard)
            database.send(news)
            log.info("%s: order %s, %d points", told, order.order_id, order.points)
