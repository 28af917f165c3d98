"""``python -m tests.bench.forecast``: simulate, evaluate, score, print."""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench.forecast import methods, openmetrics
from tests.bench.forecast.account import SCORED_DAYS, WARM_UP_DAYS, Account, simulate
from tests.bench.forecast.demand import PROFILES, STEP_SECONDS
from tests.bench.forecast.firing import Firing, firings
from tests.bench.forecast.prometheus import Database
from tests.bench.forecast.report import Row, foresight_table, leak_table
from tests.bench.forecast.rules import layers, load
from tests.bench.forecast.score import DAY, Foresight, Leaks, foresight, leaks

_MONDAY = 1704067200  # 2024-01-01 00:00 UTC
_LEAKED = "leaked key"

Fired = dict[str, list[Firing]]


def main() -> None:
    """Run the benchmark and print its tables."""
    arguments = _arguments()
    began = time.monotonic()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    with tempfile.TemporaryDirectory(prefix="forecast-") as folder:
        bench = Bench(Path(folder), _accounts(seeds), began)
        bench.prepare()
        bench.measure()
    print(bench.table())
    print(f"\n{arguments.seeds} seeds from {arguments.first_seed}, {SCORED_DAYS // 7} weeks each.")
    bench.progress("done")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.forecast", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="accounts per profile (default: 20)")
    parser.add_argument("--first-seed", type=int, default=1000, help="the rules were made with seeds below 1000")
    parser.add_argument("--quick", action="store_const", dest="seeds", const=1, help="one seed: a first look")
    return parser.parse_args()


def _accounts(seeds: range) -> list[Account]:
    """Return one account per profile and seed, and one leaked account per profile for every third seed."""
    honest = [simulate(profile, seed) for profile in PROFILES for seed in seeds]
    leaked = [simulate(profile, seed, leaked=True) for profile in PROFILES for seed in seeds[::3]]
    return honest + leaked


class Bench:
    """The accounts, the Prometheus that knows them, and what was found."""

    def __init__(self, folder: Path, accounts: list[Account], began: float) -> None:
        self._database = Database(folder)
        self._folder = folder
        self._accounts = accounts
        self._began = began
        self._alerts, self._recordings = load()
        self._methods = methods.forecasts(self._alerts)
        self._start = _MONDAY
        self._rows: list[Row] = []
        self._leaks: dict[str, dict[str, Leaks]] = {}

    @property
    def _end(self) -> int:
        return self._start + (WARM_UP_DAYS + SCORED_DAYS) * DAY - STEP_SECONDS

    def progress(self, message: str) -> None:
        """Say what was done, and when."""
        print(f"{time.monotonic() - self._began:5.0f} s  {message}", file=sys.stderr, flush=True)

    def prepare(self) -> None:
        """Turn accounts into blocks and backfill the recording rules over them, layer by layer."""
        self._start += self._database.evaluation_offset(_MONDAY)
        samples = self._folder / "samples.txt"
        openmetrics.write(self._accounts, self._start, samples)
        self.progress(f"{len(self._accounts)} accounts simulated")
        self._database.load(samples)
        samples.unlink()
        self.progress("blocks created")
        needed = [method.expr for method in self._methods]
        needed += [alert.expr for alert in methods.leak_alerts(self._alerts)]
        for layer in layers(self._recordings, needed):
            self._database.record(layer, self._start, self._end)
            self.progress(f"recorded {', '.join(rule.name for rule in layer)}")

    def measure(self) -> None:
        """Ask for every expression, two at a time, and score what it would have fired."""
        leak_alerts = methods.leak_alerts(self._alerts)
        with self._database.querying(), ThreadPoolExecutor(max_workers=2) as pool:
            asked = [pool.submit(self._fire, method) for method in self._methods]
            asked_leaks = [
                pool.submit(self._fire, methods.Method(alert.name, alert.expr, alert.hold, keep_firing=alert.keep_firing))
                for alert in leak_alerts
            ]
            fired = {method.title: future.result() for method, future in zip(self._methods, asked, strict=True)}
            for alert, future in zip(leak_alerts, asked_leaks, strict=True):
                self._leaks[f"`{alert.name}`"] = self._leak_cells(future.result())
        own = [method for method in self._methods if method.step == STEP_SECONDS]
        self._rows = [self._either(own, fired, lead) for lead in (7 * DAY, DAY)]
        self._rows += [
            self._row(method, lead, fired[method.title]) for method in self._methods for lead in method.leads
        ]

    def _fire(self, method: methods.Method) -> Fired:
        moments = self._database.when_true(method.expr, self._start, self._end, method.step)
        self.progress(method.title)
        return {
            account.name: firings(
                sorted(moments.get(account.name, [])), method.hold, method.keep_firing, method.step,
            )
            for account in self._accounts
        }

    def _row(self, method: methods.Method, lead: int, fired: Fired) -> Row:
        row = Row(f"{method.title}, ≥ {lead // DAY} d", _empty())
        for account in self._accounts:
            counts = foresight(account, self._start, fired[account.name], method.horizon, lead)
            row.cells[_column(account)].add(counts)
        return row

    def _either(self, own: list[methods.Method], fired: dict[str, Fired], lead: int) -> Row:
        """Return the row of whoever warned first: caught if any alert caught it, right as each alert by itself."""
        row = Row(f"**any of the three, ≥ {lead // DAY} d**", _empty())
        longest = max(method.horizon for method in own)
        for account in self._accounts:
            together = [span for method in own for span in fired[method.title][account.name]]
            counts = foresight(account, self._start, together, longest, lead)
            single = [
                foresight(account, self._start, fired[method.title][account.name], method.horizon, lead)
                for method in own
            ]
            counts.notifications = sum(each.notifications for each in single)
            counts.right = sum(each.right for each in single)
            row.cells[_column(account)].add(counts)
        return row

    def _leak_cells(self, fired: Fired) -> dict[str, Leaks]:
        cells = {profile: Leaks() for profile in PROFILES}
        for account in self._accounts:
            cells[account.profile].add(leaks(account, self._start, fired[account.name]))
        return cells

    def table(self) -> str:
        """Return both tables as Markdown."""
        return f"{foresight_table(self._rows, [*PROFILES, _LEAKED])}\n\n{leak_table(self._leaks, list(PROFILES))}"


def _empty() -> dict[str, Foresight]:
    return {profile: Foresight() for profile in (*PROFILES, _LEAKED)}


def _column(account: Account) -> str:
    return _LEAKED if account.plan.leaks else account.profile


if __name__ == "__main__":
    main()
