"""What is measured: the alerts of the rules file, and `predict_linear` with the same horizons and delays."""

from dataclasses import dataclass

from tests.bench.forecast.demand import STEP_SECONDS
from tests.bench.forecast.rules import Alert
from tests.bench.forecast.score import DAY

_COARSE_STEP = 3 * STEP_SECONDS  # what is compared is not recorded, and three days of samples are slow to fit

LEAK_ALERTS = ("CreditsFastBurn", "CreditsBurnRateAnomalous")

# The horizon that each alert names, and the configured lead times that it is held to.
_HORIZONS = {
    ("CreditsRunwayShort", "warning"): (7 * DAY, (7 * DAY, DAY)),
    ("CreditsRunwayShort", "critical"): (DAY, (DAY,)),
    ("CreditsForecastShortfall", "warning"): (3 * DAY, (DAY,)),
}


@dataclass(frozen=True)
class Method:
    """An expression with its delay, horizon and the lead times to score it by, all in seconds."""

    title: str
    expr: str
    hold: int
    horizon: int = 0
    leads: tuple[int, ...] = ()
    keep_firing: int = 0
    step: int = STEP_SECONDS


def forecasts(alerts: list[Alert]) -> list[Method]:
    """Return the forecasting alerts, then what they are compared with."""
    own: list[Method] = []
    others: list[Method] = []
    for alert in alerts:
        if (alert.name, alert.severity) not in _HORIZONS:
            continue
        horizon, leads = _HORIZONS[alert.name, alert.severity]
        own.append(Method(
            f"`{alert.name}` {alert.severity}", alert.expr, alert.hold, horizon, leads, alert.keep_firing,
        ))
        for window in ("6h", "3d"):
            others.append(Method(
                f"`predict_linear(…[{window}], {horizon // DAY}d) < 0`",
                f"predict_linear(credits_balance[{window}], {horizon}) < 0", alert.hold, horizon, leads,
                step=_COARSE_STEP,
            ))
    return own + others


def leak_alerts(alerts: list[Alert]) -> list[Alert]:
    """Return the alerts that look for leaks."""
    return [alert for alert in alerts if alert.name in LEAK_ALERTS]
