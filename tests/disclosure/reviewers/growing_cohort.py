"""The same job again after one patient was added: what the sums of the two uploads differ by is that patient.

Pairs: all.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from played_site import upload
from victims import SD_AGE, Tally, Values, ages, n_wanted, seeds

N: Final = 600
GROWTH: Final = 5
"""Patients who are added to one cohort, one by one."""


def people(seed: int) -> dict[str, Values]:
    """A cohort as it is in the end; those who are added later come last."""
    random = np.random.default_rng(seed)
    n = N + GROWTH
    lab = np.round(random.normal(size=n), 2)
    lab[random.choice(N, 60, replace=False)] = np.nan
    return {"age": ages(random, n), "chol": np.round(random.normal(247, 50, n)), "lab": lab}


def attack(site: Any) -> dict[str, Any]:
    """Recover ages until enough victims were tried."""
    tally = Tally()
    for seed in seeds():
        if tally.victims >= n_wanted(10) or tally.stopped >= 10:
            break
        _attack_cohort(site, people(seed), tally)
    return tally.as_dict()


def _attack_cohort(site: Any, data: dict[str, Values], tally: Tally) -> None:
    before = None
    for n in range(N, N + GROWTH + 1):
        if not upload(site, {name: values[:n] for name, values in data.items()}, {"lab": "continuous"}):
            tally.stopped += 1
            return
        constants = site.constants()
        if before is not None:
            added = float(constants["total"][0] - before["total"][0])
            tally.count(added - data["age"][n - 1], also=0 < added < 15 * SD_AGE)
        before = constants
