"""Holds JSON against the schemas of the AsyncAPI document: the keywords of JSON Schema that stand
in it, and no others. `unknown` names those that this cannot check, and the document is refused
with them: what is not understood must not pass as checked.
"""

import re
import uuid
from datetime import datetime

_CHECKED = {
    "$ref", "allOf", "anyOf", "const", "enum", "format", "items", "maxLength", "maximum",
    "minLength", "minimum", "pattern", "properties", "required", "type",
}
# They say nothing about what is valid. `additionalProperties` is true wherever it stands.
_SAID = {"additionalProperties", "default", "description", "examples", "title", "$comment"}
_TYPES = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float),
    "boolean": bool, "null": type(None),
}


class Invalid(Exception):
    """Where the JSON differs from the schema, and how."""


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


_FORMATS = {"uuid": _is_uuid, "date-time": _is_time}


def resolve(document: dict, schema: dict) -> dict:
    """The schema that a reference within the document leads to."""
    while "$ref" in schema:
        found = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        schema = found
    return schema


def unknown(document: dict, schema: dict, seen: set | None = None) -> set:
    """The keywords in this schema, and in those that it leads to, that cannot be checked."""
    seen = set() if seen is None else seen
    if "$ref" in schema:
        if schema["$ref"] in seen:
            return set()
        seen.add(schema["$ref"])
    schema = resolve(document, schema)
    found = set(schema) - _CHECKED - _SAID
    if schema.get("additionalProperties", True) is not True:
        found.add("additionalProperties")
    within = [*schema.get("allOf", []), *schema.get("anyOf", [])]
    within += schema.get("properties", {}).values()
    within += [schema["items"]] if "items" in schema else []
    return found.union(*(unknown(document, one, seen) for one in within))


def check(document: dict, schema: dict, value, at: str = "the message") -> None:
    """Raises `Invalid` where a value is not what its schema says."""
    schema = resolve(document, schema)
    for one in schema.get("allOf", []):
        check(document, one, value, at)
    if "anyOf" in schema:
        _any(document, schema["anyOf"], value, at)
    if "const" in schema and value != schema["const"]:
        raise Invalid(f"{at} is {value!r} and not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        raise Invalid(f"{at} is {value!r}, which is none of {schema['enum']}")
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        raise Invalid(f"{at} is no {' or '.join(kinds)}")
    if isinstance(value, str):
        _text(schema, value, at)
    elif isinstance(value, dict):
        for name in schema.get("required", []):
            if name not in value:
                raise Invalid(f"{at} lacks {name}")
        for name, one in schema.get("properties", {}).items():
            if name in value:
                check(document, one, value[name], f"{at}: {name}")
    elif isinstance(value, list):
        for index, one in enumerate(value):
            check(document, schema.get("items", {}), one, f"{at}[{index}]")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            raise Invalid(f"{at} is out of range")


def _is(value, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])


def _any(document: dict, schemas: list, value, at: str) -> None:
    why = "nothing is allowed"
    for one in schemas:
        try:
            return check(document, one, value, at)
        except Invalid as invalid:
            why = str(invalid)
    raise Invalid(why)


def _text(schema: dict, value: str, at: str) -> None:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        raise Invalid(f"{at} is too short or too long")
    # Where a schema says `$`, Python's would let a line break pass behind it.
    if "pattern" in schema and not re.search(re.sub(r"\$$", r"\\Z", schema["pattern"]), value):
        raise Invalid(f"{at} does not match {schema['pattern']}")
    if not _FORMATS.get(schema.get("format"), lambda _: True)(value):
        raise Invalid(f"{at} is no {schema['format']}")
