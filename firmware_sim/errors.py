"""What can go wrong on purpose in the simulator; each text is one line that a person can act on."""


class SimError(Exception):
    """Root of the simulator's errors. The command line prints its text and leaves with status 2."""


class BadScenario(SimError):
    """A scenario file that a person must put right.

    `where` is the file, `field` the path of the value inside it, `problem` what was found and what was expected.
    """

    def __init__(self, where: str, field: str, problem: str) -> None:
        super().__init__(f"{where}: {field}: {problem}" if field else f"{where}: {problem}")
        self.where = where
        self.field = field
        self.problem = problem


class BadArgument(SimError):
    """A command-line argument that cannot be used."""


class PortInUse(SimError):
    """The address to listen on cannot be taken."""
