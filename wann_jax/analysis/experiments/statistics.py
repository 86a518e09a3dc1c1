"""Statistics of few runs: means that outliers do not move, their intervals, and tests of several differences at once.

In: one figure for each seed. Out: plain numbers.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

RESAMPLES = 2000  # of the bootstrap
LEAST_SEEDS = 3  # for a paired test
Values = Sequence[float] | np.ndarray


def interquartile_mean(values: Values) -> float:
    """The mean of the middle half."""
    return float(stats.trim_mean(np.asarray(values, float), 0.25))


def interval(values: Values, seed: int = 0) -> tuple[float, float]:
    """A bootstrap interval of 95 % for the interquartile mean."""
    random, given = np.random.default_rng(seed), np.asarray(values, float)
    draws = random.choice(given, (RESAMPLES, len(given)))
    low, high = np.percentile(stats.trim_mean(draws, 0.25, axis=1), [2.5, 97.5])
    return float(low), float(high)


def summary(values: Values) -> dict[str, float]:
    """Interquartile mean and the ends of its interval, by name."""
    low, high = interval(values)
    return {"mean": interquartile_mean(values), "low": low, "high": high}


class Difference(NamedTuple):
    """How one arm differs from the control, over the same seeds."""

    mean: float
    low: float  # of the interval of 95 % for the mean difference, by Student's t
    high: float
    p: float  # of the paired t-test, by Holm's correction for all arms that are compared


def differences(arms: Mapping[str, Values], control: Values) -> dict[str, Difference]:
    """Each arm against the control, seed by seed: paired t-tests, corrected by Holm's method.

    Args:
        arms: figures by arm, in the control's order of seeds.
        control: the figures to compare with.

    Returns:
        For each arm its mean difference, and how sure it is. Where all seeds differ by the same, p is 0 (or 1).
    """
    found = {name: np.asarray(values, float) - np.asarray(control, float) for name, values in arms.items()}
    intervals = {name: _mean_interval(values) for name, values in found.items()}
    corrected = holm([_p_of_mean(values) for values in found.values()])
    rows = zip(found.items(), corrected, strict=True)
    return {name: Difference(float(values.mean()), *intervals[name], p) for (name, values), p in rows}


def holm(ps: Sequence[float]) -> list[float]:
    """P values of several tests, so corrected that any false finding among them is as rare as one p says.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    order = np.argsort(ps, kind="stable")
    steps = np.asarray(ps, float)[order] * np.arange(len(order), 0, -1)
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected.tolist()


def _mean_interval(values: np.ndarray) -> tuple[float, float]:
    if len(values) < 2 or np.ptp(values) == 0:
        return float(values.mean()), float(values.mean())
    low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
    return float(low), float(high)


def _p_of_mean(values: np.ndarray) -> float:
    """Of the mean's being zero."""
    if len(values) < 2 or np.ptp(values) == 0:
        return float(len(values) < 2 or values[0] == 0)
    return float(stats.ttest_1samp(values, 0.0).pvalue)
