"""When a reply leaves: how long an answer took is an answer, too. Pure."""

from __future__ import annotations

import math

from policies import Policy


class ReplyTimes:
    """The times of one job's replies at one site."""

    def __init__(self, policy: Policy, *, sees_rows: bool) -> None:
        """`sees_rows`: whether the pair's code does; a blind one knows nothing that its speed could tell."""
        self._policy = policy
        self._sees_rows = sees_rows
        self._doublings: dict[str, int] = {}

    def wait(self, step: str, elapsed: float) -> float:
        """How many seconds to hold back the answer to a question about `step` that took `elapsed` seconds."""
        bucket = self._policy.reply_seconds
        leaves_at = math.ceil(elapsed / bucket) * bucket if bucket > 0 else elapsed
        if self._sees_rows and self._policy.rows_reply_seconds > 0:
            leaves_at = max(leaves_at, self._slowest(step, elapsed))
        return leaves_at - elapsed

    def _slowest(self, step: str, elapsed: float) -> float:
        """As late as the slowest answer of the step so far, in doublings of the bucket: they grow a few times in a job and never shrink."""
        needed = max(0, math.ceil(math.log2(max(elapsed, 1e-9) / self._policy.rows_reply_seconds)))
        self._doublings[step] = max(needed, self._doublings.get(step, 0))
        return math.ldexp(self._policy.rows_reply_seconds, self._doublings[step])
