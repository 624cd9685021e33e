"""What the AsyncAPI document says: where events come from, what is in them, how a queue is made.

Everything that this program knows of exchanges, routing keys, queues and schemas is read here; no
name of them stands anywhere else. `expeditor asyncapi` prints the document.
"""

import json
from dataclasses import dataclass

from loyalty import schema
from loyalty.failure import USAGE, Failure


@dataclass(frozen=True)
class Exchange:
    """An exchange, by name."""

    name: str


@dataclass(frozen=True)
class Event:
    """An event that somebody publishes."""

    type: str
    source: str
    exchange: Exchange
    routing_key: str
    payload: dict


@dataclass(frozen=True)
class Queue:
    """A queue to be made."""

    name: str
    arguments: dict
    # Exchange and routing key of each binding.
    bindings: tuple


@dataclass(frozen=True)
class Sending:
    """How events are published."""

    exchange: Exchange
    mandatory: bool
    delivery_mode: int
    content_type: str


class Document:
    """The document, asked for what a participant needs."""

    def __init__(self, document: dict, name: str = "the document"):
        self.json = document
        self._name = name
        if not str(self._at("asyncapi")).startswith("3."):
            raise self._lacks("a version 3 in `asyncapi`")

    @classmethod
    def read(cls, path: str) -> "Document":
        """Reads a file. `Failure` where it is missing or no such document."""
        try:
            with open(path, encoding="utf-8") as file:
                document = json.load(file)
        except OSError as error:
            raise Failure(USAGE, f"{path}: {error.strerror}") from error
        except ValueError as error:
            raise Failure(USAGE, f"{path} is no JSON: {error}") from error
        if not isinstance(document, dict):
            raise Failure(USAGE, f"{path} is no AsyncAPI document")
        return cls(document, path)

    def event(self, type_: str) -> Event:
        """The event of that type: who publishes it, whereto, and what is in it."""
        channel = self._at("channels", f"events.{type_}")
        binding = self._at("channels", f"events.{type_}", "bindings", "amqp")
        payload = self._at("components", "messages", type_, "payload")
        strange = schema.unknown(self.json, payload)
        if strange:
            raise self._lacks(f"a schema of {type_} that can be checked here: {sorted(strange)}")
        source = self._constant(payload, "source")
        key = channel["address"]
        if binding.get("is") != "routingKey" or key != routing_key(source, type_):
            raise self._lacks(f"the routing key of {type_} as <source>.<type>: it is {key}")
        return Event(type_, source, Exchange(binding["exchange"]["name"]), key, payload)

    def sending(self, like: Event) -> Sending:
        """How an event is published: like this one."""
        refers = {"$ref": f"#/channels/events.{like.type}"}
        for operation in self._at("operations").values():
            if operation.get("action") == "send" and operation.get("channel") == refers:
                binding = operation["bindings"]["amqp"]
                message = self._at("components", "messages", like.type)
                trait = schema.resolve(self.json, message["traits"][0])
                return Sending(
                    like.exchange, binding["mandatory"], binding["deliveryMode"],
                    trait["contentType"],
                )
        raise self._lacks(f"an operation that sends {like.type}")

    def queue(self, service: str, events: list[Event]) -> Queue:
        """The queue in which a service hears these events: made like everybody's, since what is
        about it (delivery limit, dead letters) is asked of all of them alike."""
        like = self._a_queue_of_events()
        model, arguments = like["queue"]["name"], like["x-queue-arguments"]
        name = f"{service}.{model.rpartition('.')[2]}"
        # What is named after the model's queue (where its dead letters go) is named after this one.
        ours = {key: name if value == model else value for key, value in arguments.items()}
        bindings = tuple((event.exchange, event.routing_key) for event in events)
        return Queue(name, ours, bindings)

    def dead(self, service: str, queue: Queue) -> Queue:
        """The queue for what the broker gives up: bound to where the other one sends it. Nothing is
        given up there, so it has the highest limit that there is."""
        exchange = Exchange(queue.arguments["x-dead-letter-exchange"])
        key = queue.arguments["x-dead-letter-routing-key"]
        arguments = {
            "x-queue-type": queue.arguments["x-queue-type"], "x-delivery-limit": 2**31 - 1,
        }
        return Queue(f"{service}.dead", arguments, ((exchange, key),))

    def _a_queue_of_events(self) -> dict:
        for name, channel in self._at("channels").items():
            binding = channel.get("bindings", {}).get("amqp", {})
            if binding.get("is") == "queue" and name.endswith(".events"):
                return binding
        raise self._lacks("a queue for events to make one's own after")

    def _constant(self, payload: dict, name: str) -> str:
        for part in payload.get("allOf", [payload]):
            value = part.get("properties", {}).get(name, {}).get("const")
            if value is not None:
                return value
        raise self._lacks(f"a constant `{name}` in a message's payload")

    def _at(self, *path: str):
        found = self.json
        for part in path:
            if not isinstance(found, dict) or part not in found:
                raise self._lacks(" → ".join(path))
            found = found[part]
        return found

    def _lacks(self, what: str) -> Failure:
        return Failure(USAGE, f"{self._name} lacks {what}")


def routing_key(source: str, type_: str) -> str:
    """`<source>.<type>`: with the events that are heard this is held against their channels, so
    what is published goes by the same rule."""
    return f"{source.removeprefix('/')}.{type_}"
