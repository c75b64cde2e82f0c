"""An AWS account on this machine: moto, what market-lake needs on top of it, and a real Trino behind Athena.

Only the standard library is imported at this level, so that `python -m emulator install` works before
anything is installed. What needs moto lies below `emulator.app`.
"""

import sys

VERSION = "1"

# nothing is written into the repository; callers set PYTHONDONTWRITEBYTECODE=1, which this file comes too late for
sys.dont_write_bytecode = True
