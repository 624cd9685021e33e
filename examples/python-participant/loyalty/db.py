"""The service's own SQLite database; all SQL lives here. A value of `Database` is one thread's."""

import json
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass

from loyalty.envelope import News
from loyalty.failure import ENVIRONMENT, USAGE, Failure
from loyalty.points import Order

_VERSION = 1
_SCHEMA = """
CREATE TABLE inbox (
    message_id TEXT PRIMARY KEY, seen_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) WITHOUT ROWID;
-- The latest sequence that was applied of each subject from each source.
CREATE TABLE heard (
    source TEXT, subject TEXT, sequence INTEGER NOT NULL, PRIMARY KEY (source, subject)
) WITHOUT ROWID;
CREATE TABLE customer_order (
    order_id TEXT PRIMARY KEY, customer_id TEXT, paid INTEGER NOT NULL, delivered INTEGER NOT NULL,
    points INTEGER NOT NULL, milestones TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX customer_order_by_customer ON customer_order (customer_id);
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL, type TEXT NOT NULL,
    routing_key TEXT NOT NULL, body BLOB NOT NULL
);
CREATE TABLE dead_letter (
    id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, message_id TEXT,
    error TEXT NOT NULL, payload BLOB NOT NULL, at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
"""
# Beyond this, `heard` alone protects from what comes again.
_INBOX_KEPT = "-14 days"


@dataclass(frozen=True)
class Waiting:
    """A row of the outbox."""

    id: int
    news: News


class Database:
    """One connection."""

    def __init__(self, path: str):
        self._path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=5)
            # A commit is on the disk before a message is acknowledged.
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._migrate()
        except sqlite3.Error as error:
            raise Failure(ENVIRONMENT, f"{path}: {error}") from error

    def _migrate(self) -> None:
        found = self._version()
        if found > _VERSION:
            raise Failure(USAGE, f"{self._path} is of version {found}, newer than this program")
        if found == _VERSION:
            return
        with self.transaction():
            # Another thread may have been first.
            if self._version() < _VERSION:
                for statement in _SCHEMA.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {_VERSION}")

    def _version(self) -> int:
        return self._db.execute("PRAGMA user_version").fetchone()[0]

    @contextmanager
    def transaction(self):
        """Everything within is stored, or nothing is."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            # A commit that failed for want of room has rolled back by itself.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """No more use of it."""
        self._db.close()

    # Inbox

    def is_new(self, message_id: str) -> bool:
        """Notes a message as seen; whether it was not before."""
        sql = "INSERT INTO inbox (message_id) VALUES (?) ON CONFLICT DO NOTHING"
        return self._db.execute(sql, (message_id,)).rowcount == 1

    def is_latest(self, source: str, subject: str, sequence: int) -> bool:
        """Notes a sequence as applied; whether nothing later of that subject was before."""
        sql = """INSERT INTO heard (source, subject, sequence) VALUES (?, ?, ?)
                 ON CONFLICT DO UPDATE SET sequence = excluded.sequence
                 WHERE excluded.sequence >= heard.sequence"""
        return self._db.execute(sql, (source, subject, sequence)).rowcount == 1

    def forget_old_ids(self) -> None:
        """Shortens the inbox."""
        sql = "DELETE FROM inbox WHERE seen_at < datetime('now', ?)"
        self._db.execute(sql, (_INBOX_KEPT,))

    # Orders

    def order(self, order_id: str) -> Order:
        """What is known of an order; nothing yet of one that was not heard of."""
        sql = """SELECT order_id, customer_id, paid, delivered, points, milestones
                 FROM customer_order WHERE order_id = ?"""
        row = self._db.execute(sql, (order_id,)).fetchone()
        return _order(row) if row else Order(order_id)

    def save(self, order: Order) -> None:
        """Stores what is known of an order."""
        sql = "INSERT OR REPLACE INTO customer_order VALUES (?, ?, ?, ?, ?, ?)"
        self._db.execute(sql, (
            order.order_id, order.customer_id, order.paid, order.delivered, order.points,
            json.dumps(order.milestones),
        ))

    def orders_of(self, customer_id: str) -> list[Order]:
        """The orders of a customer that were ever worth points, oldest first."""
        sql = """SELECT order_id, customer_id, paid, delivered, points, milestones
                 FROM customer_order WHERE customer_id = ? AND milestones <> '[]'
                 ORDER BY order_id"""
        return [_order(row) for row in self._db.execute(sql, (customer_id,))]

    # Outbox

    def send(self, news: News) -> None:
        """Has an event published once the transaction is stored."""
        sql = "INSERT INTO outbox (message_id, type, routing_key, body) VALUES (?, ?, ?, ?)"
        self._db.execute(sql, (news.id, news.type, news.routing_key, news.body))

    def waiting(self, most: int) -> list[Waiting]:
        """The oldest events that the broker has not confirmed."""
        sql = "SELECT id, message_id, type, routing_key, body FROM outbox ORDER BY id LIMIT ?"
        rows = self._db.execute(sql, (most,)).fetchall()
        return [Waiting(row[0], News(*row[1:])) for row in rows]

    def confirmed(self, waiting: Waiting) -> None:
        """The broker has it."""
        self._db.execute("DELETE FROM outbox WHERE id = ?", (waiting.id,))

    # Dead letters

    def bury(self, queue: str, message_id: str | None, error: str, payload: bytes) -> None:
        """Keeps a message that cannot be worked on, as it came."""
        sql = "INSERT INTO dead_letter (queue, message_id, error, payload) VALUES (?, ?, ?, ?)"
        self._db.execute(sql, (queue, message_id, error, payload))

    def dead_letters(self) -> list[tuple]:
        """Queue, message id, error and payload of each, oldest first."""
        sql = "SELECT queue, message_id, error, payload FROM dead_letter ORDER BY id"
        return self._db.execute(sql).fetchall()


def _order(row: tuple) -> Order:
    order_id, customer_id, paid, delivered, points, milestones = row
    milestones = tuple(json.loads(milestones))
    return Order(order_id, customer_id, paid, bool(delivered), points, milestones)
