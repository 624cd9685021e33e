"""Points: the same whatever comes late, twice or in another order."""

import itertools
import json
import random
import sqlite3
import tempfile
import unittest
from pathlib import Path

from loyalty import envelope, schema
from loyalty.db import Database
from loyalty.intake import Intake
from tests import document, example

ORDER, MINA = "019e7044-8800-7000-8000-0000000000b1", "mina"
PAID = 19_000


class Service:
    """The service without a broker."""

    def __init__(self):
        # In memory where there is such a place: nothing of it need outlive the machine.
        memory = "/dev/shm"
        self._folder = tempfile.TemporaryDirectory(dir=memory if Path(memory).is_dir() else None)
        self.file = str(Path(self._folder.name, "loyalty.db"))
        self.database = Database(self.file)
        self.intake = Intake(document(), self.database, 100)

    def hears(self, *messages: dict):
        for message in messages:
            self.intake.take("loyalty.events", message.get("id"), json.dumps(message).encode())
        return self

    def points(self) -> int:
        return sum(order.points for order in self.database.orders_of(MINA))

    def told(self) -> list[dict]:
        return [json.loads(row.news.body) for row in self.database.waiting(1000)]

    def close(self):
        self.database.close()
        self._folder.cleanup()


def message(type_: str, sequence: int, milestones: list[tuple] | None = None) -> dict:
    """An event about the order, under an id of its own."""
    event = example(type_, id=envelope.uuid7(), subject=ORDER, sequence=sequence)
    if milestones is not None:
        event["data"] = {"order_id": ORDER, "state": "any", "milestones": [
            {"type": kind, "at": envelope.now(),
             "data": {"amount": {"amount": amount, "currency": "KRW"}} if amount else {}}
            for kind, amount in milestones
        ]}
    return event


HELD = [("payment-authorized", PAID)]
CAPTURED = [*HELD, ("payment-captured", PAID)]
REFUNDED = [*CAPTURED, ("payment-refunded", PAID)]
DELIVERED = [("rider-assigned", 0), ("food-picked", 0), ("delivery-confirmed", 0)]


def placed() -> dict:
    return message("order-placed", 1)


def captured() -> dict:
    return message("payment-captured", 2, CAPTURED)


def refunded() -> dict:
    return message("payment-refunded", 3, REFUNDED)


def delivered() -> dict:
    return message("delivery-confirmed", 4, DELIVERED)


def returned() -> dict:
    return message("delivery-returned", 5, [*DELIVERED, ("delivery-returned", 0)])


class Points(unittest.TestCase):
    def setUp(self):
        self.service = Service()
        self.addCleanup(self.service.close)

    def test_what_was_paid_and_delivered_gives_points(self):
        self.service.hears(placed(), captured())
        self.assertEqual(self.service.points(), 0, "not before it is delivered")
        self.service.hears(delivered())
        self.assertEqual(self.service.points(), PAID // 100)

    def test_what_comes_back_takes_them_back(self):
        for last in (returned, refunded):
            service = Service()
            self.addCleanup(service.close)
            service.hears(placed(), captured(), delivered(), last())
            self.assertEqual(service.points(), 0)
            self.assertEqual([event["type"] for event in service.told()],
                             ["points-awarded", "points-taken-back"])

    def test_nothing_was_paid_where_only_a_hold_was_released(self):
        released = message("payment-refunded", 2, [*HELD, ("payment-refunded", PAID)])
        self.service.hears(placed(), released, delivered())
        self.assertEqual(self.service.points(), 0)
        self.assertEqual(self.service.told(), [])

    def test_every_order_of_arrival_gives_the_same(self):
        for ending, expected in [
            ([placed(), captured(), delivered()], PAID // 100),
            ([placed(), captured(), delivered(), refunded()], 0),
            ([placed(), captured(), delivered(), returned()], 0),
        ]:
            for events in itertools.permutations(ending):
                service = Service().hears(*events)
                self.assertEqual(service.points(), expected, [event["type"] for event in events])
                told = [event["data"]["points"] for event in service.told()]
                self.assertEqual(told[-1] if told else 0, expected, "as it was told last")
                service.close()

    def test_repetition_and_lateness_change_nothing(self):
        drawn = random.Random(7)
        story = [placed(), captured(), delivered()]
        again = [*story, *(event | {"id": envelope.uuid7()} for event in story)]
        late = [message("payment-captured", 1, HELD), message("delivery-confirmed", 2, [])]
        for _ in range(25):
            service = Service()
            events = [*again, *drawn.choices(again, k=6)]
            drawn.shuffle(events)
            service.hears(*events, *late)
            self.assertEqual(service.points(), PAID // 100)
            self.assertEqual(len(service.told()), 1, "counted and told once")
            service.close()

    def test_a_late_event_under_a_new_id_does_not_undo_a_later_one(self):
        self.service.hears(placed(), captured(), delivered(), refunded(), captured())
        self.assertEqual(self.service.points(), 0)

    def test_a_lost_event_does_not_matter_since_a_fact_repeats_it(self):
        # `payment-captured` never came, its refund did; of the delivery only the last fact did.
        self.service.hears(placed(), refunded(), returned())
        self.assertEqual((self.service.points(), self.service.told()), (0, []))

    def test_its_events_are_envelopes_and_facts_as_the_document_has_them(self):
        self.service.hears(placed(), captured(), delivered(), refunded())
        whole = document().json
        schemas = whole["components"]["schemas"]
        for number, event in enumerate(self.service.told(), 1):
            schema.check(whole, schemas["Envelope"], event)
            schema.check(whole, schemas["Fact"], event["data"])
            self.assertEqual((event["source"], event["subject"]), ("/loyalty", ORDER))
            self.assertEqual((event["sequence"], len(event["data"]["milestones"])),
                             (number, number))
            self.assertEqual(event["correlationid"], placed()["correlationid"])
        keys = [row.news.routing_key for row in self.service.database.waiting(9)]
        self.assertEqual(keys, ["loyalty.points-awarded", "loyalty.points-taken-back"])


class DeadLetters(unittest.TestCase):
    def setUp(self):
        self.service = Service()
        self.addCleanup(self.service.close)

    def test_what_cannot_be_read_is_kept_as_it_came_and_holds_nothing_up(self):
        lacks = placed()
        del lacks["data"]["customer_id"]
        for body, told in [
            (b"\xff\x00", "no JSON"),
            (b"[" * 100_000, "no JSON"),
            (b"[]", "no JSON object"),
            (b'{"type": ["order-placed"]}', "not listened to"),
            (json.dumps(example("order-completed")).encode(), "not listened to"),
            (json.dumps(lacks).encode(), "lacks customer_id"),
            (json.dumps(placed() | {"sequence": -1}).encode(), "sequence is out of range"),
            (json.dumps(placed() | {"source": "/payment"}).encode(), "source"),
            # SQLite's integers have 63 bits.
            (json.dumps(placed() | {"sequence": 2**64 - 1}).encode(), "the code failed"),
        ]:
            self.service.intake.take("loyalty.events", "an-id", body)
            letters = self.service.database.dead_letters()
            self.assertEqual(letters[-1][3], body)
            self.assertIn(told, letters[-1][2])
            self.assertEqual(letters[-1][:2], ("loyalty.events", "an-id"))
        self.service.hears(placed(), captured(), delivered())
        self.assertEqual(self.service.points(), PAID // 100)

    def test_what_is_not_known_is_left_alone(self):
        fact = captured()
        fact["data"]["later"] = fact["later"] = {"a": 1}
        fact["data"]["milestones"].append({"type": "later-still", "at": envelope.now()})
        self.service.hears(placed(), fact, delivered())
        self.assertEqual(self.service.points(), PAID // 100)
        self.assertEqual(self.service.database.dead_letters(), [])


class Stored(unittest.TestCase):
    def setUp(self):
        self.service = Service()
        self.addCleanup(self.service.close)

    def test_a_message_that_could_not_be_stored_leaves_nothing_and_is_taken_when_it_comes_again(self):
        self.service.hears(placed(), captured())
        lock = sqlite3.connect(self.service.file, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        self.service.database._db.execute("PRAGMA busy_timeout = 1")
        last = delivered()
        with self.assertRaises(sqlite3.OperationalError):
            self.service.hears(last)
        lock.execute("ROLLBACK")
        lock.close()
        self.assertEqual(self.service.told(), [])
        self.service.hears(last)
        self.assertEqual(self.service.points(), PAID // 100)

    def test_what_fails_half_way_leaves_nothing(self):
        self.service.hears(placed(), captured())
        send, last = self.service.database.send, delivered()

        def fails(_):
            raise sqlite3.OperationalError("database or disk is full")

        self.service.database.send = fails
        with self.assertRaises(sqlite3.OperationalError):
            self.service.hears(last)
        self.assertEqual(self.service.points(), 0)
        self.service.database.send = send
        self.service.hears(last)
        self.assertEqual((self.service.points(), len(self.service.told())), (PAID // 100, 1))

    def test_a_database_of_a_later_version_is_not_touched(self):
        from loyalty.failure import USAGE, Failure
        self.service.database._db.execute("PRAGMA user_version = 99")
        with self.assertRaises(Failure) as raised:
            Database(self.service.file)
        self.assertEqual(raised.exception.status, USAGE)
