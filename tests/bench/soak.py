"""Ten thousand scrapes of a mix of good and hostile vendors: threads, descriptors and memory on the way.

``python -m tests.bench.soak [--scrapes 10000]`` prints a Markdown table. The vendors misbehave in a process
of their own; a clock that leaps makes every account due at every scrape.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from exporter.exposition import Format
from exporter.log import LogFormat, LogLevel, set_up
from exporter.runtime import PageRequest, Runtime
from tests.bench.vendor_sim import ROOT
from tests.hostile import mix
from tests.hostile.accounts import VENDORS, configure


@contextmanager
def vendors() -> Iterator[dict[str, str]]:
    """Run the mix in a child process; yield the URLs by name."""
    command = [sys.executable, "-m", "tests.bench.soak", "--vendors"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.stdin.close()
        process.wait(60)


def serve_vendors() -> None:
    """Be that child: print the URLs, and end with the standard input."""
    with mix.vendors() as urls:
        print(json.dumps(urls), flush=True)
        sys.stdin.read()


def row(scrapes: int, began: float) -> str:
    """Return what the process looks like after so many scrapes."""
    memory = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    seconds = time.perf_counter() - began
    return f"| {scrapes:,} | {threading.active_count()} | {descriptors} | {memory:.1f} MB | {seconds:.0f} s |"


def soak(scrapes: int) -> None:
    """Scrape and print the table."""
    marks = {scrapes // 100, scrapes // 10, *(scrapes * part // 10 for part in range(2, 11))}
    clock = mix.LeapingClock()
    set_up(LogLevel.WARN, LogFormat.LOGFMT, str, Path(os.devnull).open("w"))  # noqa: SIM115 - as long as we run
    with vendors() as urls:
        config = configure(mix.entries(urls, "20ms"), refresh_interval="1m")
        request = PageRequest(tuple(config.accounts), 20, Format.TEXT_0_0_4, compressed=True)
        with closing(Runtime(lambda: config, clock)) as runtime:
            print("| scrapes | threads | descriptors | resident memory | time |\n|---:|---:|---:|---:|---:|")
            began = time.perf_counter()
            for number in range(1, scrapes + 1):
                clock.leap(7200)
                runtime.scrape(request)
                if number in marks:
                    print(row(number, began), flush=True)
            views = {view.account.name: view for view in runtime.peek().views}
            calls = sum(view.calls for view in views.values())
            failures = sum(sum(view.failures.values()) for view in views.values())
            print(f"\n{calls:,} calls, {failures:,} failed; reasons:")
            for name, view in views.items():
                counts = ", ".join(f"{reason} {count:,}" for reason, count in view.failures.items())
                print(f"- {name}: {counts or 'never failed'}")
            assert all(views[vendor.name].up for vendor in VENDORS)


def main() -> None:
    """Run the command line above."""
    parser = argparse.ArgumentParser(description="Many scrapes of good and hostile vendors.")
    parser.add_argument("--scrapes", type=int, default=10_000)
    parser.add_argument("--vendors", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.vendors:
        serve_vendors()
    else:
        soak(options.scrapes)


if __name__ == "__main__":
    main()
