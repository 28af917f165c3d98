"""How well the forecasting alerts foresee exhaustion, measured on simulated accounts.

Run ``python -m tests.bench.forecast`` (``--quick`` for a first look). Simulated accounts become real
Prometheus blocks, the recording rules of ``alerts/credits.rules.yml`` are backfilled over them, a real
Prometheus answers the alerts' own expressions, and what fired is held against what is known to have
happened.
"""
