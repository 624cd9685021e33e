"""How the program ends when it does not end well: one clear line, and an exit status."""

# As Expeditor's own: wrong usage or configuration; a server or the disk.
USAGE = 2
ENVIRONMENT = 3


class Failure(Exception):
    """Ends the program with its text as the only line on standard error."""

    def __init__(self, status: int, text: str):
        super().__init__(" ".join(text.split()))
        self.status = status
