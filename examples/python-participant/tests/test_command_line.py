"""How the program answers what it is told: one clear line, and an exit status."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from tests import text

FOLDER = Path(__file__).resolve().parents[1]
NOBODY = "amqp://u:secret@127.0.0.1:9/v"


class CommandLine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.document = self.folder / "asyncapi.json"
        self.document.write_text(text(), encoding="utf-8")

    def run_with(self, *arguments: str) -> subprocess.CompletedProcess:
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("LOYALTY_")}
        return subprocess.run([sys.executable, "-m", "loyalty", *arguments], cwd=FOLDER,
                              env=environment, capture_output=True, text=True, timeout=60)

    def test_help_names_every_option_and_the_exit_statuses(self):
        done = self.run_with("--help")
        self.assertEqual(done.returncode, 0)
        for word in ("--asyncapi", "--amqp-url", "--data", "--listen", "Exit status"):
            self.assertIn(word, done.stdout)

    def test_what_is_wrong_is_told_in_one_line_with_its_status(self):
        file, data = str(self.document), str(self.folder / "loyalty.db")
        for status, told, arguments in [
            (2, "--asyncapi is missing", []),
            (2, "--amqp-url is missing", ["--asyncapi", file]),
            (2, "--help", ["--nonsense"]),
            (2, "--prefetch", ["--prefetch", "0"]),
            (2, "none.json: No such file", ["--asyncapi", "none.json", "--amqp-url", NOBODY]),
            (2, "no URL such as", ["--asyncapi", file, "--amqp-url", "http://u:secret@h/"]),
            (2, "no URL such as", ["--asyncapi", file, "--amqp-url", "amqp://u:secret@h:x/"]),
            (2, "on loopback only", ["--asyncapi", file, "--amqp-url", NOBODY, "--data", data,
                                     "--listen", "0.0.0.0:0"]),
            (2, "no address", ["--asyncapi", file, "--amqp-url", NOBODY, "--data", data,
                               "--listen", "here"]),
            (3, "unable to open", ["--asyncapi", file, "--amqp-url", NOBODY,
                                   "--data", str(self.folder / "none" / "loyalty.db")]),
            (3, "not a database", ["--asyncapi", file, "--amqp-url", NOBODY, "--data", file]),
        ]:
            with self.subTest(told):
                done = self.run_with(*arguments)
                lines = done.stderr.splitlines()
                self.assertEqual((done.returncode, len(lines)), (status, 1), done.stderr)
                self.assertTrue(lines[0].startswith("loyalty: "), lines)
                self.assertIn(told, lines[0])
                self.assertNotIn("secret", done.stderr)

    def test_the_plan_is_printed_and_nothing_done(self):
        done = self.run_with("--asyncapi", str(self.document), "--plan")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('"queue": "loyalty.events"', done.stdout)
        self.assertEqual(list(self.folder.iterdir()), [self.document])
