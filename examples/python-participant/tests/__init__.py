"""Tests that need no server: `python3 -m unittest` in the folder above. The document that they read
is what the program prints, built where `LOYALTY_ASYNCAPI` names no file."""

import copy
import functools
import json
import logging
import os
import subprocess
from pathlib import Path

from loyalty.document import Document

# Dead letters are logged; tests look at the table.
logging.getLogger("loyalty").setLevel(logging.CRITICAL)

ROOT = Path(__file__).resolve().parents[3]


@functools.cache
def text() -> str:
    """The document as it is printed."""
    file = os.environ.get("LOYALTY_ASYNCAPI")
    if file:
        return Path(file).read_text(encoding="utf-8")
    run = ["cargo", "run", "--quiet", "--package", "expeditor", "--", "asyncapi"]
    return subprocess.run(run, cwd=ROOT, check=True, capture_output=True, text=True).stdout


@functools.cache
def document() -> Document:
    """The document. Not to be changed."""
    return Document(json.loads(text()))


def example(type_: str, **changes) -> dict:
    """The document's own example of a message, with some attributes changed."""
    message = document().json["components"]["messages"][type_]
    return copy.deepcopy(message["examples"][0]["payload"]) | changes
