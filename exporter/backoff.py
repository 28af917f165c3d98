"""When an account may be called again."""

import random
from dataclasses import dataclass
from typing import Final

from exporter.model import Reason

LONGEST_BACKOFF: Final = 15 * 60.0
LONGEST_RETRY_AFTER: Final = 60 * 60.0

_SLACK_SHARE: Final = 0.05
_LONGEST_SLACK: Final = 5.0

# An account polled at every scrape still backs off from something.
_SHORTEST_BASE: Final = 10.0

# Wrong credentials seldom mend themselves, and vendors lock accounts that insist.
_CREDENTIAL_REASONS: Final = frozenset({Reason.UNAUTHORIZED, Reason.FORBIDDEN})
_CREDENTIAL_HEAD_START: Final = 2


@dataclass(frozen=True)
class Pause:
    """How long after the beginning of a call the next one may come, in seconds."""

    interval: float

    def after_success(self) -> float:
        """Return the interval less a slack, so that a scrape interval equal to it calls at every scrape."""
        return self.interval - min(self.interval * _SLACK_SHARE, _LONGEST_SLACK)

    def after_failure(
        self, failures: int, reason: Reason, retry_after: float | None, random_source: random.Random
    ) -> float:
        """Return the pause after so many failures in a row (1 or more).

        The first failure costs nothing but for wrong credentials; then the pause doubles up to 15
        minutes, with jitter, and is never below the interval. ``Retry-After`` is honoured up to an
        hour.
        """
        exponent = failures - 1 + (_CREDENTIAL_HEAD_START if reason in _CREDENTIAL_REASONS else 0)
        if retry_after is not None and retry_after > 0:
            wait = min(retry_after, LONGEST_RETRY_AFTER)
            return max(wait, self.interval, self._backed_off(exponent, random_source))
        if exponent == 0:
            return self.after_success()
        return max(self._backed_off(exponent, random_source), self.interval)

    def _backed_off(self, exponent: int, random_source: random.Random) -> float:
        if exponent == 0:
            return 0.0
        base = max(self.interval, _SHORTEST_BASE)
        # Beyond 2^20 nothing is under the cap, and a float would overflow after weeks of failures.
        backoff = min(base * 2.0 ** min(exponent, 20), LONGEST_BACKOFF)
        return backoff * random_source.uniform(0.8, 1.0)
