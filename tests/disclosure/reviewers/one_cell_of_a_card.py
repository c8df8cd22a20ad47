"""The age of somebody alone in a table of three yes/no columns, for who knows all else and reads the card. Pairs: SIMICE.

The same decoder as of cards in memory (`tests/disclosure/one_cell.py`): this shows that both sites state the same.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from played_site import begin, upload
from scipy.special import logsumexp
from victims import Tally, n_wanted, seeds

from sandbox.gate.coding import Frame
from tests.disclosure.cell_attacks import table, ward
from tests.disclosure.one_cell import AGE, MEAN_AGE, SD_AGE, YEARS, Case, decoded
from tests.disclosure.stated import File, Stated

N: Final = 300


def attack(site: Any) -> dict[str, Any]:
    """Recover ages until enough people were tried."""
    tally = Tally()
    for seed in seeds():
        if tally.victims >= n_wanted(12) or tally.stopped >= 10:
            break
        random = np.random.default_rng(seed)
        file = ward(random, N, table(random, N, 3))
        if not upload(site, dict(zip(file.names, file.values.T, strict=True)), dict.fromkeys(file.binary, "binary")):
            tally.stopped += 1
            continue
        begin(site, {})
        tally.count(_mean_age(site, file) - file.values[0, file.place(AGE)])
    return tally.as_dict()


def _mean_age(site: Any, file: File) -> float:
    parts = {(part["what"], part["part"]): part["values"] for part in site.card}
    frame = Frame(np.zeros(len(file.names)), np.ones(len(file.names)))
    (name,) = file.binary
    # A site that answers exactly states no fit.
    fits = (name,) if ("fit", "beta") in parts else ()
    beta, diagonal = (dict.fromkeys(fits, parts.get(("fit", part))) for part in ("beta", "information"))
    stated = Stated(file, N, float(parts["card", "error"]), parts["card", "n_observed"], parts["card", "gram"], beta, diagonal, {}, frame)
    _, scaled = decoded(stated, file, Case(()))
    weight = -0.5 * (scaled**2).sum(axis=1) - 0.5 * ((YEARS - MEAN_AGE) / SD_AGE) ** 2
    return float(np.exp(weight - logsumexp(weight)) @ YEARS)
