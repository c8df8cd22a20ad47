"""What a field of a reply is to a pair: frozen records, of one participant or added up over all.

The kinds are those of `sandbox.manifest.PARTS`. q = coefficients of the target's design: predictors and other targets in file order, then
`central_intercept` if the job has it, then the intercept. Everything is in standardised units.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final, TypeAlias

from sandbox.errors import Code, PeerError
from sandbox.wire.values import Record as WireRecord
from sandbox.worker.arrays import Floats, read_only, to_numpy


@dataclass(frozen=True, slots=True, eq=False)
class Gram:
    """Sums of squares and products over the rows that take part with the target observed."""

    n: int
    """Rows."""
    XX: Floats
    """X'X, shape (q, q)."""
    Xy: Floats
    """X'y, shape (q,)."""
    yy: float
    """y'y."""
    n_intercepts: int = 1
    """Last columns of the design that are intercepts; a ridge leaves them alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """Log likelihood of a logistic regression at the β that was asked about, with its first two derivatives."""

    n: int
    """Rows."""
    H: Floats
    """Information Σ p(1−p) x x', shape (q, q)."""
    g: Floats
    """Gradient Σ (y − p) x, shape (q,)."""
    loglik: float
    loglik_step: float
    """Rounding of `loglik`: differences below it mean nothing."""
    n_intercepts: int = 1
    """As in :class:`Gram`."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Imputed cells of a target."""

    n: int
    mean: float
    sd: float
    """Standard deviation (divisor n − 1)."""


Record: TypeAlias = Gram | Score | Summary


def read(kind: str, record: WireRecord, n_intercepts: int) -> Record:
    """The record in a reply's field. Raises :class:`PeerError` for a kind that no blind step can answer with."""
    if kind == "gram":
        return Gram(_count(record), _array(record, "XX"), _array(record, "Xy"), record["yy"].scalar(), n_intercepts=n_intercepts)
    if kind == "glm_score":
        loglik, step = record["loglik"].scalar(), record["loglik_step"].scalar()
        return Score(_count(record), _array(record, "H"), _array(record, "g"), loglik, step, n_intercepts=n_intercepts)
    if kind == "imputed_summary":
        return Summary(_count(record), record["mean"].scalar(), record["sd"].scalar())
    raise PeerError(Code.RULE_UNDECLARED)


def total(records: Sequence[Record]) -> Record:
    """The aggregate of one field, added in the order given. Raises :class:`PeerError` when the records are not of one kind."""
    return reduce(_add, records)


def _add(left: Record, right: Record) -> Record:
    adders: dict[type, Callable[..., Record]] = {Gram: _add_grams, Score: _add_scores, Summary: _add_summaries}
    if type(left) is not type(right):
        raise PeerError(Code.RULE_UNDECLARED)
    return adders[type(left)](left, right)


def _add_grams(left: Gram, right: Gram) -> Gram:
    return Gram(
        left.n + right.n,
        read_only(left.XX + right.XX),
        read_only(left.Xy + right.Xy),
        left.yy + right.yy,
        left.n_intercepts,
    )


def _add_scores(left: Score, right: Score) -> Score:
    return Score(
        left.n + right.n,
        read_only(left.H + right.H),
        read_only(left.g + right.g),
        left.loglik + right.loglik,
        left.loglik_step + right.loglik_step,
        left.n_intercepts,
    )


def _add_summaries(left: Summary, right: Summary) -> Summary:
    """Means and sds of two groups to those of both together (Chan, Golub, LeVeque 1983)."""
    if not left.n or not right.n:
        return right if right.n else left
    n = left.n + right.n
    difference = right.mean - left.mean
    squares = (left.n - 1) * left.sd**2 + (right.n - 1) * right.sd**2 + difference**2 * left.n * right.n / n
    return Summary(n, left.mean + difference * right.n / n, math.sqrt(squares / (n - 1)))


def _count(record: WireRecord) -> int:
    return int(record["n"].scalar())


def _array(record: WireRecord, part: str) -> Floats:
    array: Floats = to_numpy(record[part])  # type: ignore[assignment]  # the engine has checked the dtype against PARTS
    return array


KINDS: Final = (Gram, Score, Summary)
"""The classes a pair may be handed."""
