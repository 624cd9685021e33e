"""CloudEvents as they travel: bytes to an event that was held against its schema, and back."""

import json
import os
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone

from loyalty import document, schema


class Unreadable(Exception):
    """The bytes are no message that can be worked on; the text says why."""


@dataclass(frozen=True)
class Heard:
    """A message as it came in."""

    id: str
    type: str
    source: str
    subject: str
    sequence: int
    correlation_id: str | None
    data: dict


@dataclass(frozen=True)
class News:
    """An event to be published."""

    id: str
    type: str
    routing_key: str
    body: bytes


def decode(body: bytes, events: dict, whole: dict) -> Heard:
    """Reads a message of one of these events; attributes and fields that are not known are left
    alone. `Unreadable` where it is anything else."""
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"no JSON: {error}") from error
    if not isinstance(envelope, dict):
        raise Unreadable("no JSON object")
    event = events.get(envelope.get("type")) if isinstance(envelope.get("type"), str) else None
    if event is None:
        raise Unreadable(f"of type {envelope.get('type')!r}, which is not listened to")
    try:
        schema.check(whole, event.payload, envelope)
    except schema.Invalid as invalid:
        raise Unreadable(str(invalid)) from invalid
    return Heard(
        envelope["id"], event.type, envelope["source"], envelope["subject"], envelope["sequence"],
        envelope.get("correlationid"), envelope["data"],
    )


def news(source: str, type_: str, subject: str, sequence: int, data: dict, because: Heard) -> News:
    """An event of this service, which belongs to the saga of what led to it."""
    id_ = uuid7()
    envelope = {
        "specversion": "1.0",
        "id": id_,
        "type": type_,
        "source": source,
        "subject": subject,
        "time": now(),
        "datacontenttype": "application/json",
        "dataschema": f"/schemas/{type_}/1",
        "sequence": sequence,
        "causationid": because.id,
        "data": data,
    }
    if because.correlation_id is not None:
        envelope["correlationid"] = because.correlation_id
    body = json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()
    return News(id_, type_, document.routing_key(source, type_), body)


def now() -> str:
    """The time in RFC 3339, UTC, milliseconds."""
    text = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def uuid7() -> str:
    """48 bits of milliseconds, then what makes it unique (RFC 9562)."""
    number = int.from_bytes(os.urandom(10), "big") | (time.time_ns() // 1_000_000) << 80
    number = number & ~(0xF << 76) | 0x7 << 76
    return str(uuid.UUID(int=number & ~(0x3 << 62) | 0x2 << 62))
