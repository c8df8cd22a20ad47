"""The age of somebody alone in a table of three yes/no columns, for who knows all else and reads every card of a life: several versions
with chosen points, several jobs with other predictors, one column in five units. Pairs: SIMICE.

The attacks and the decoder are those on cards in memory (`tests/disclosure/one_cell.py`). This shows that a real site states no more.
"""

from __future__ import annotations

import itertools
from typing import Any, Final

import numpy as np
from played_site import begin, upload
from victims import Tally, n_wanted, seeds

from policies import Policy, built_in
from policies.life_budget import error_size
from policies.wide_open import wide_open
from sandbox.gate.coding import Frame
from tests.disclosure.cell_attacks import ATTACKS
from tests.disclosure.lives import Choose, Letter
from tests.disclosure.one_cell import Case, left_by
from tests.disclosure.stated import File, Stated

LIVES: Final = ("jobs with other predictors", "five versions", "five codings of age")


def attack(site: Any) -> dict[str, Any]:
    """Recover ages until enough people were tried."""
    tally, lives = Tally(), itertools.cycle(LIVES)
    for seed, name in zip(seeds(), lives, strict=False):
        if tally.victims >= n_wanted(6) or tally.stopped >= 10:
            break
        case: Case = ATTACKS[name](np.random.default_rng([7, seed]))
        found = left_by(Probed(site), case, _policy(site, case))
        if found.n_stated:
            tally.count(found.error)
        else:
            tally.stopped += 1
    return tally.as_dict()


def _policy(site: Any, case: Case) -> Policy:
    """That under which the site plays, by the size of its errors."""
    file = case.jobs[0].file
    Probed(site).upload(file)
    n_rows = len(file.values)
    (error,) = (float(part["values"]) for part in site.card if part["part"] == "error")
    policies = (wide_open(), built_in("default"), built_in("strict"))
    return next(policy for policy in policies if abs(error_size(policy, n_rows) - error) < 1e-9)


class Probed:
    """The real site, as the attacks on cards ask one."""

    def __init__(self, site: Any) -> None:
        self._site = site

    def state(self, file: File, policy: Policy, choose: Choose | None = None, *, day: float = 0.0) -> Letter | None:
        """What it states of a file; None where it is stopped."""
        if not self.upload(file):
            return None
        stated = self._stated(file, {})
        if choose is not None and policy.points == "common" and stated.beta:
            stated = self._stated(file, self._points(stated, choose))
        return Letter(stated, "", {name: name for name in file.names})

    def upload(self, file: File) -> bool:
        """Whether the file passes."""
        types = {**dict.fromkeys(file.binary, "binary"), **dict.fromkeys(file.continuous, "continuous")}
        is_clean = upload(self._site, dict(zip(file.names, file.values.T, strict=True)), types)
        if is_clean:
            begin(self._site, {})
        return is_clean

    def _points(self, stated: Stated, choose: Choose) -> dict[str, dict[str, Any]]:
        """Where scores are asked, in raw units, and what comes."""
        names, frame = stated.file.names, stated.frame
        for target, beta in choose(stated).items():
            others = [place for place, name in enumerate(names) if name != target]
            slopes = beta[:-1] / frame.scale[others]
            raw = np.append(slopes, beta[-1] - slopes @ frame.centre[others])
            try:
                self._site.ask("score", target=target, beta=raw)
            except self._site.Refused:
                continue
        found: dict[str, dict[str, Any]] = {}
        for part in self._site.card:
            if part["what"] == "point":
                found.setdefault(names[self._index(part["target"])], {})[part["part"]] = part["values"]
        return found

    def _index(self, target: int | str) -> int:
        return next(place for place, column in enumerate(self._site.columns) if target in (column.index, column.name))

    def _stated(self, file: File, points: dict[str, dict[str, Any]]) -> Stated:
        card = {part["part"]: part["values"] for part in self._site.card if part["what"] == "card"}
        fits: dict[str, dict[str, Any]] = {"beta": {}, "information": {}}
        for part in self._site.card:
            if part["what"] == "fit" and part["part"] in fits:
                fits[part["part"]][file.names[self._index(part["target"])]] = part["values"]
        gram, n = np.asarray(card["gram"]), int(card["n"])
        levels, mean = np.asarray(card["levels"]), gram[-1, :-1] / n
        is_two_valued = levels[:, 1] > levels[:, 0]
        sd = np.sqrt(np.maximum(np.diagonal(gram)[:-1] / n - mean**2, 1e-12))
        frame = Frame(np.where(is_two_valued, levels[:, 0], mean), np.where(is_two_valued, levels[:, 1] - levels[:, 0], sd))
        return Stated(file, n, float(card["error"]), np.asarray(card["n_observed"]), gram, fits["beta"], fits["information"], points, frame)
