"""When an alert fired: the evaluations that gave a result, and `for` and `keep_firing_for` as Prometheus has them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Firing:
    """Unix seconds of the first firing evaluation and of the first one no longer firing."""

    start: int
    end: int


def firings(moments: list[int], hold: int, keep_firing: int, step: int) -> list[Firing]:
    """Return the spans in which the alert fired, given the sorted moments, `step` apart, at which its expression held.

    It is pending from the first true evaluation and fires at the first one that is at least `hold` seconds
    later; one evaluation without result resets a pending alert, and ends a firing one unless
    `keep_firing` seconds have not yet passed.
    """
    spans: list[Firing] = []
    index = 0
    while index < len(moments):
        pending = last = moments[index]
        since: int | None = pending if hold == 0 else None
        index += 1
        while index < len(moments):
            patience = step + (keep_firing if since is not None else 0)
            if moments[index] - last > patience:
                break
            last = moments[index]
            if since is None and last - pending >= hold:
                since = last
            index += 1
        if since is not None:
            spans.append(Firing(since, last + step + keep_firing))
    return spans
