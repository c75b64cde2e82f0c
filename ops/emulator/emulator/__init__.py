"""An AWS account on this machine: moto, what market-lake needs on top of it, and a real Trino behind Athena.

Only the standard library is imported at this level, so that `python -m emulator install` works before
anything is installed. What needs moto lies below `emulator.app`.
"""

VERSION = "1"
