"""`python -m loyalty`: reads what it is told on the command line, and runs."""

import argparse
import json
import logging
import os
import sys

from loyalty.failure import USAGE, Failure

_DESCRIPTION = """\
Loyalty points as a participant of Expeditor: hears what was paid and delivered, gives the customer
points for it, takes them back for what comes back, and tells of both as events."""
_MORE = """\
Exit status: 0 ended as it was told to, 2 wrong usage or configuration, 3 a server refuses or the
disk cannot be used. While the broker is away it waits, and goes on by itself.
"""
_LEVELS = ("debug", "info", "warning", "error")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        raise Failure(USAGE, f"{message}; see `python -m loyalty --help`")


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 65535:
        raise ValueError
    return number


_count.__name__ = "number from 1 to 65535"


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options. `Failure` where they are wrong."""
    parser = _Parser(prog="python -m loyalty", description=_DESCRIPTION, epilog=_MORE,
                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--asyncapi", metavar="FILE", default=os.environ.get("LOYALTY_ASYNCAPI"),
        help="what `expeditor asyncapi` prints [env: LOYALTY_ASYNCAPI]")
    add("--amqp-url", metavar="URL", default=os.environ.get("LOYALTY_AMQP_URL"),
        help="the broker: amqp://user:password@host:5672/vhost [env: LOYALTY_AMQP_URL]")
    add("--data", metavar="FILE", default=os.environ.get("LOYALTY_DATA", "loyalty.db"),
        help="its SQLite database; made where there is none [env: LOYALTY_DATA, default: loyalty.db]")
    add("--listen", metavar="ADDRESS", default="127.0.0.1:8090",
        help="where GET /points/<customer> is answered, on loopback [default: 127.0.0.1:8090]")
    add("--won-per-point", metavar="N", type=_count, default=100,
        help="for so many minor units that were paid there is a point [default: 100]")
    add("--prefetch", metavar="N", type=_count, default=50,
        help="how many messages may be in hand at a time [default: 50]")
    add("--log", metavar="LEVEL", choices=_LEVELS, default="info",
        help=f"what is logged, on standard error: {', '.join(_LEVELS)} [default: info]")
    add("--plan", action="store_true",
        help="print what it would declare and how it would publish, and do nothing")
    options = parser.parse_args(arguments)
    if options.asyncapi is None:
        parser.error("--asyncapi is missing: the file with what `expeditor asyncapi` prints")
    if options.amqp_url is None and not options.plan:
        parser.error("--amqp-url is missing")
    return options


def main(arguments: list[str]) -> int:
    """Answers the exit status."""
    try:
        options = parse(arguments)
        logging.basicConfig(
            level=options.log.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        )
        # What it has to say about lost connections is said in one line by those who lose them.
        logging.getLogger("pika").setLevel(logging.CRITICAL)
        from loyalty import process
        from loyalty.broker import Broker
        from loyalty.document import Document

        plan = process.Plan(Document.read(options.asyncapi))
        if options.plan:
            print(json.dumps(plan.told(), indent=2))
            return 0
        process.run(plan, Broker(options.amqp_url), options.data, options.listen,
                    options.prefetch, options.won_per_point)
        return 0
    except ModuleNotFoundError as error:
        if error.name != "pika":
            raise
        print("loyalty: pika is missing: apt-get install python3-pika, or pip install pika",
              file=sys.stderr)
        return 3
    except Failure as failure:
        print(f"loyalty: {failure}", file=sys.stderr)
        return failure.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
