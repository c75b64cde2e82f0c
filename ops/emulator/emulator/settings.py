"""What a running emulator was told: set once at the start, read by the patches."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Settings:
    """The knobs of one emulator."""

    # seconds that a Retry waits at most, None for what the state machine says
    max_backoff: float | None = None
    # calls of RunTask that find no capacity, from now on
    without_capacity: int = 0


SETTINGS = Settings()
