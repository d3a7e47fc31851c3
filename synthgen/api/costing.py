"""What a plan will cost in hours and money, from its forecast."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import SupportsFloat

from synthgen.api.forecasting import Forecast
from synthgen.errors import UsageError

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What a plan will cost, in hours of one worker and in the currency of the price.

    Attributes:
        price_per_hour: of one worker.
        hours, money: expected; None before a preview or a run of this model measured its speed.
        hours_range, money_range: what the 95 % interval of the measured pass rate makes of them; None if the speed or
            the pass rate is not known. How much the speed varies is not in it.
        basis: where the time comes from, in words.

    Example:
        >>> found = synthgen.forecast(synthgen.plan("specs/quickstart.yaml"))
        >>> synthgen.cost(found, 2.5).price_per_hour
        2.5
    """

    price_per_hour: float
    hours: float | None
    hours_range: tuple[float, float] | None
    money: float | None
    money_range: tuple[float, float] | None
    basis: str


def cost(forecast: Forecast, price_per_hour: float) -> Cost:
    """Work out what a plan will cost. Loading the models, and hours that are paid and not worked, are not in it.

    Raises:
        UsageError: the price is not a number of at least 0.

    Example:
        >>> found = synthgen.forecast(synthgen.plan("specs/quickstart.yaml"))
        >>> synthgen.cost(found, 0).money in (None, 0)
        True
    """
    price = check_price(price_per_hour)
    _check_forecast(forecast)
    seconds = forecast.seconds
    if seconds is None:
        return Cost(price, None, None, None, None, forecast.basis["seconds"])
    hours, span = seconds / _HOUR, None
    if forecast.attempts_range is not None and forecast.attempts:
        low, high = (hours * attempts / forecast.attempts for attempts in forecast.attempts_range)
        span = low, high
    money = None if span is None else (span[0] * price, span[1] * price)
    return Cost(price, hours, span, hours * price, money, forecast.basis["seconds"])


def _check_forecast(value: object) -> None:
    if not isinstance(value, Forecast):
        hint = "Make one: `synthgen.forecast(planned)`."
        raise UsageError(f"expected a forecast, found {type(value).__name__}", argument="forecast", hint=hint)


def check_price(value: object) -> float:
    """Return a price.

    Raises:
        UsageError: it is not a finite number of at least 0.
    """
    if isinstance(value, bool) or not isinstance(value, SupportsFloat):
        raise UsageError(f"expected a number, found {type(value).__name__}", argument="price_per_hour")
    if not (isfinite(price := float(value)) and price >= 0):
        raise UsageError(f"expected a number of at least 0, found {price:g}", argument="price_per_hour")
    return price
