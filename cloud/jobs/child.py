"""The first thing a run's process does: see that it ends with the program that started it. Then it becomes the job.

python -m cloud.jobs.child PARENT-PID PROGRAM ARGUMENT…
"""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Does not return."""
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != int(parent):
            sys.exit("the program that started this run has ended")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
