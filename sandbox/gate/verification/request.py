"""The numbers that central sends to code that sees rows. C10 of the study: huge ones make steps between rows."""

from __future__ import annotations

from typing import Final

import numpy as np

from policies import Policy
from policies.disclosure import Breach
from sandbox.gate.verification.contributions import Values

MAX_EACH: Final = 2.0
MAX_TOGETHER: Final = 5.0
"""In units of `max_abs_eta`, for standardised columns."""


def check_request(values: Values, policy: Policy) -> list[Breach]:
    """Every number, and all of them together, within bounds. What is not a number is beyond them."""
    each, together = MAX_EACH * policy.max_abs_eta, MAX_TOGETHER * policy.max_abs_eta
    is_within = bool((np.abs(values) <= each).all()) and bool(np.abs(values).sum() <= together)
    return [] if is_within else [Breach("request_bounds", limit=each)]
