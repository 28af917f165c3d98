"""The tables: one row per method, one column per profile, printed as Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.bench.forecast.score import DAY, Foresight, Leaks


@dataclass
class Row:
    """A method's counts by profile; `own` methods stand above the ones they are compared with."""

    title: str
    cells: dict[str, Foresight] = field(default_factory=dict)

    def total(self, profiles: Iterable[str]) -> Foresight:
        """Return the sum over the profiles."""
        total = Foresight()
        for profile in profiles:
            total.add(self.cells[profile])
        return total


def percent(part: int, whole: int) -> str:
    """Return a rounded percentage; the last percent is shown only when nothing is missing."""
    if whole == 0:
        return "-"
    return str(100 if part == whole else min(99, round(100 * part / whole)))


def quantile(values: Sequence[int], share: float) -> int:
    """Return the value that `share` of the values are below; 0 of none."""
    return sorted(values)[int(share * len(values))] if values else 0


def foresight_table(rows: list[Row], profiles: list[str]) -> str:
    """Return recall / precision in percent, the number of exhaustions, and lead times in days."""
    header = ["alert, and how long before", *profiles, "all", "exhaustions / notifications", "lead, median (5 %)"]
    lines = [_line(header), _line(["---"] * len(header))]
    for row in rows:
        total = row.total(profile for profile in profiles if profile != "leaked key")
        cells = [_shares(row.cells[profile]) for profile in profiles]
        lead = f"{quantile(total.leads, 0.5) / DAY:.1f} d ({quantile(total.leads, 0.05) / DAY:.1f} d)"
        lines.append(_line([
            row.title, *cells, f"**{_shares(total)}**", f"{total.exhaustions} / {total.notifications}", lead,
        ]))
    return "\n".join(lines)


def leak_table(rows: dict[str, dict[str, Leaks]], profiles: list[str]) -> str:
    """Return, per alert and profile, leaks caught in time, the delay in minutes, and false notifications."""
    header = ["alert", "account", "leaks found within 45 min", "found at all", "delay, median", "false / weeks"]
    lines = [_line(header), _line(["---"] * len(header))]
    for title, cells in rows.items():
        everything = Leaks()
        for profile in profiles:
            everything.add(cells[profile])
        for profile, counts in [*cells.items(), ("**all**", everything)]:
            lines.append(_line([
                title, profile, f"{counts.caught} of {counts.leaks}", str(len(counts.delays)),
                f"{quantile(counts.delays, 0.5) // 60} min", f"{counts.false_pages} / {round(counts.weeks)}",
            ]))
    return "\n".join(lines)


def _shares(counts: Foresight) -> str:
    return f"{percent(counts.caught, counts.exhaustions)} / {percent(counts.right, counts.notifications)}"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
