"""The indicators by TA-Lib; what TA-Lib has none of by numpy, or by Python's exact numbers.

Reads a list of series and settings from standard input and prints a list of columns: both in JSON, null where
there is no value. Prices and volumes come in whole units of 1e-8.
"""

import json
import math
import sys
from fractions import Fraction

import numpy
import talib
from numpy.lib.stride_tricks import sliding_window_view

UNITS = 10**8


def listed(column):
    return [None if math.isnan(value) else float(value) for value in column]


def seeded(column, period):
    """TA-Lib's EMA of what is known of a column, which is its end."""
    known = column[~numpy.isnan(column)]
    return numpy.concatenate([column[: len(column) - len(known)], talib.EMA(known, period)])


def volatility(closes, period):
    returns = numpy.array([math.log1p((b - a) / a) for a, b in zip(closes, closes[1:])])
    return [None] * period + listed(sliding_window_view(returns, period).std(axis=1, ddof=1))


def width(closes, period, away):
    """The distance of Bollinger's bands in percent of their middle, exact up to the root."""
    values = [None] * (period - 1)
    for end in range(period, len(closes) + 1):
        window = closes[end - period : end]
        total = sum(window)
        scatter = period * sum(close * close for close in window) - total * total
        values.append(2 * away * math.sqrt(scatter) / total * 100)
    return values


def vwap(case):
    values, session, known = [], None, True
    rows = zip(case["session"], case["high"], case["low"], case["close"], case["volume"], case["quote_volume"])
    for number, high, low, close, volume, quote in rows:
        if number != session:
            session, known, sums = number, True, [Fraction(0), Fraction(0)]
        if volume is None:
            known = False
        elif known:
            typical = Fraction(high + low + close, 3 * UNITS)
            sums[0] += typical * volume if quote is None else quote
            sums[1] += volume
        values.append(float(sums[0] / sums[1]) if known and sums[1] else None)
    return values


def columns(case):
    settings = case["settings"]
    high, low, close = (numpy.array(case[name], dtype=float) / UNITS for name in ("high", "low", "close"))
    fast, slow, signal = settings["macd"]
    bands, away = settings["bollinger"]["period"], settings["bollinger"]["deviations"]
    macd = talib.EMA(close, fast) - talib.EMA(close, slow)
    later, later_signal, later_histogram = talib.MACD(close, fast, slow, signal)
    upper, middle, lower = talib.BBANDS(close, bands, away, away)
    result = {
        "sma_short": talib.SMA(close, settings["sma"][0]),
        "sma_long": talib.SMA(close, settings["sma"][1]),
        "ema_short": talib.EMA(close, settings["ema"][0]),
        "ema_long": talib.EMA(close, settings["ema"][1]),
        "ema_fast": talib.EMA(close, fast),
        "ema_slow": talib.EMA(close, slow),
        "macd": macd,
        "macd_signal": seeded(macd, signal),
        "macd_histogram": macd - seeded(macd, signal),
        "later macd": later,
        "later macd_signal": later_signal,
        "later macd_histogram": later_histogram,
        "rsi": talib.RSI(close, settings["rsi"]),
        "bollinger_upper": upper,
        "bollinger_middle": middle,
        "bollinger_lower": lower,
        "atr": talib.ATR(high, low, close, settings["atr"]),
        "roc": talib.ROC(close, settings["roc"]),
    }
    result = {name: listed(column) for name, column in result.items()}
    if None not in case["volume"]:
        volume = numpy.array(case["volume"], dtype=float) / UNITS
        result["obv"] = listed(talib.OBV(close, volume))

    result["bollinger_width"] = width(case["close"], bands, away)
    for name, period in zip(("volatility_short", "volatility_long"), settings["volatility"]):
        result[name] = volatility(case["close"], period)
    result["session_vwap"] = vwap(case)
    return result


json.dump([columns(case) for case in json.load(sys.stdin)], sys.stdout)
