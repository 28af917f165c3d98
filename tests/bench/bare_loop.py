"""The machine's own limit: prepared requests sent by ``requests`` alone, one session an account, all at once.

``python -m tests.bench.bare_loop URL ACCOUNTS THREADS`` prints a JSON line for a first round, in which the
connections are opened, and one for a second round, in which they are kept.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import requests


def account(url: str) -> Callable[[], bytes]:
    """Return one account's call, with all that can be done before it done."""
    session = requests.Session()
    session.trust_env = False
    prepared = session.prepare_request(requests.Request("GET", url, headers={"X-API-Key": "bench"}))
    return lambda: session.send(prepared, timeout=10).content


def main(url: str, accounts: int, threads: int) -> None:
    """Run both rounds."""
    calls = [account(f"{url}/leadmagic/{number}/v1/credits") for number in range(accounts)]
    with ThreadPoolExecutor(threads) as workers:
        for name in ("first", "kept"):
            cpu, began = time.process_time(), time.perf_counter()
            results = list(workers.map(lambda call: call(), calls))
            wall, used = time.perf_counter() - began, time.process_time() - cpu
            assert all(results)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(json.dumps({"round": name, "wall": wall, "cpu": used, "megabytes": peak}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
