"""What is read in the document, and what a document that will not do is answered."""

import json
import tempfile
import unittest
from pathlib import Path

from loyalty import points, schema
from loyalty.document import Document
from loyalty.failure import USAGE, Failure
from loyalty.process import Plan
from tests import document, example, text


class WhatItSays(unittest.TestCase):
    def test_every_event_that_is_heard_has_its_channel_and_its_schema(self):
        for type_ in points.LISTENED:
            event = document().event(type_)
            self.assertEqual(event.routing_key, f"{event.source[1:]}.{type_}")
            schema.check(document().json, event.payload, example(type_))

    def test_the_queue_is_made_like_everybodys_and_named_after_this_service(self):
        plan = Plan(document())
        like = document().json["channels"]["queues.rider.events"]["bindings"]["amqp"]
        theirs = like["x-queue-arguments"]
        self.assertEqual(plan.queue.name, "loyalty.events")
        self.assertEqual(set(plan.queue.arguments), set(theirs))
        for name, value in theirs.items():
            ours = "loyalty.events" if value == "rider.events" else value
            self.assertEqual(plan.queue.arguments[name], ours, name)

    def test_what_the_broker_gives_up_ends_in_a_queue_of_its_own(self):
        plan = Plan(document())
        (exchange, key), = plan.dead.bindings
        self.assertEqual(plan.dead.name, "loyalty.dead")
        self.assertEqual(exchange.name, plan.queue.arguments["x-dead-letter-exchange"])
        self.assertEqual(key, plan.queue.arguments["x-dead-letter-routing-key"])

    def test_its_own_events_go_the_way_of_those_that_it_hears(self):
        plan = Plan(document())
        self.assertEqual({exchange for exchange, _ in plan.queue.bindings}, {plan.sending.exchange})
        self.assertEqual(plan.sending.delivery_mode, 2)
        # Who nobody listens to has done nothing wrong.
        self.assertIs(plan.sending.mandatory, False)


class WhatWillNotDo(unittest.TestCase):
    def assert_refused(self, damage, told: str):
        broken = json.loads(text())
        damage(broken)
        with self.assertRaises(Failure) as raised:
            Plan(Document(broken, "asyncapi.json"))
        self.assertEqual(raised.exception.status, USAGE)
        self.assertIn("asyncapi.json", str(raised.exception))
        self.assertIn(told, str(raised.exception))

    def test_a_document_that_lacks_something_is_told_what(self):
        def without(name, *path):
            def damage(json):
                for part in path:
                    json = json[part]
                del json[name]
            return damage

        def otherwise(json):
            json["channels"]["events.order-placed"]["address"] = "orders"

        def strange(json):
            json["components"]["schemas"]["Money"]["dependentRequired"] = {}

        for damage, told in [
            (without("channels"), "channels"),
            (without("events.order-placed", "channels"), "events.order-placed"),
            (without("payment-captured", "components", "messages"), "payment-captured"),
            (without("asyncapi"), "asyncapi"),
            (otherwise, "routing key"),
            (strange, "dependentRequired"),
        ]:
            with self.subTest(told):
                self.assert_refused(damage, told)

    def test_a_file_that_is_no_document_is_told_in_one_line(self):
        with tempfile.TemporaryDirectory() as folder:
            for text, told in [("{", "no JSON"), ("[]", "no AsyncAPI"), ('{"a": 1}', "asyncapi")]:
                file = Path(folder, "document.json")
                file.write_text(text, encoding="utf-8")
                with self.subTest(text), self.assertRaises(Failure) as raised:
                    Document.read(str(file))
                self.assertIn(told, str(raised.exception))
            with self.assertRaises(Failure) as raised:
                Document.read(str(Path(folder, "none.json")))
            self.assertIn("No such file", str(raised.exception))


class Schemas(unittest.TestCase):
    def test_every_message_of_the_document_is_valid_and_can_be_checked(self):
        whole = document().json
        for type_, message in whole["components"]["messages"].items():
            with self.subTest(type_):
                self.assertEqual(schema.unknown(whole, message["payload"]), set())
                schema.check(whole, message["payload"], message["examples"][0]["payload"])

    def test_each_difference_is_found(self):
        for part, value, bad in [
            ({"type": "object", "required": ["a"]}, {"a": 1}, {}),
            ({"type": "integer", "minimum": 0}, 0, -1),
            ({"type": "integer"}, 1, True),
            ({"type": "integer"}, 1, 1.5),
            ({"type": ["string", "null"]}, None, 1),
            ({"maximum": 3}, 3, 4),
            ({"pattern": "^[a-z]+$"}, "a", "a\n"),
            ({"minLength": 1}, "a", ""),
            ({"maxLength": 1}, "a", "aa"),
            ({"const": "a"}, "a", "b"),
            ({"enum": ["a"]}, "a", "b"),
            ({"format": "uuid"}, "019e7044-8800-7000-8000-0000000000b1", "019e"),
            ({"format": "date-time"}, "2026-05-28T20:26:40.123Z", "2026-05-28T20:26:40"),
            ({"items": {"type": "string"}}, ["a"], ["a", 1]),
            ({"properties": {"a": {"const": 1}}}, {"b": 2}, {"a": 2}),
            ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None, 1),
            ({"allOf": [{"minimum": 1}, {"maximum": 2}]}, 2, 3),
            ({"$ref": "#/a~1b"}, 1, 2),
        ]:
            with self.subTest(json.dumps(part)):
                whole = {"a/b": {"const": 1}}
                self.assertEqual(schema.unknown(whole, part), set())
                schema.check(whole, part, value)
                with self.assertRaises(schema.Invalid):
                    schema.check(whole, part, bad)
