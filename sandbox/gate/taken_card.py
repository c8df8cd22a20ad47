"""A card as central takes it: arrays of numbers, and whether they could be of any rows.

What a site says of its rows nobody can check, but a card that could be of no rows at all would end what computes with it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from sandbox.contract import Contract
from sandbox.errors import Code
from sandbox.estimation.cholesky import FitError
from sandbox.gate.guard import Refusal
from sandbox.gate.rows import Matrix
from sandbox.manifest import CARD
from sandbox.wire.values import Record

Parts = Mapping[str, npt.NDArray[np.generic]]
Fields = Mapping[str, Parts]
LARGEST: Final = 1e60
"""Of a number on a card, in central's units: products of four are finite."""
SLACK: Final = 1e-6
"""What rounding leaves of a symmetric matrix, and of eigenvalues that are none."""


def arrays_of(fields: Mapping[str, Record]) -> Fields:
    """The fields of a card as they travel, as arrays."""
    return {
        name: {part: np.frombuffer(array.data, array.dtype).reshape(array.shape) for part, array in record.items()}
        for name, record in fields.items()
    }


@contextlib.contextmanager
def named(site: str) -> Iterator[None]:
    """Refuse under the name of a site whatever cannot be computed of its card."""
    try:
        yield
    except (Refusal, FitError) as error:
        raise Refusal(error.code, of_card=site) from error
    except (np.linalg.LinAlgError, OverflowError) as error:
        raise Refusal(Code.CARD_IMPOSSIBLE, of_card=site) from error


def check_card_of(site: str, fields: Fields, contract: Contract) -> None:
    """:func:`check_card`, refusing under the name of the site."""
    with named(site):
        check_card(fields, contract)


def check_card(fields: Fields, contract: Contract) -> None:
    """Raise :class:`Refusal` for a card that is of no rows. Its fields, parts and shapes were checked as it came.

    What a site says of its rows nobody can check, but a card that could be of no rows at all would end what computes with it.
    """
    for parts in fields.values():
        if not all((np.abs(as_floats(part)) <= LARGEST).all() for part in parts.values()):
            raise Refusal(Code.RULE_NOT_FINITE)
    card, n = fields[CARD], float(fields[CARD]["n"])
    n_observed, levels = as_floats(card["n_observed"]), as_floats(card["levels"])
    _demand(n >= 1, _is_gram(as_floats(card["gram"]), n))
    _demand((n_observed >= 0).all(), (n_observed <= n).all(), (levels[:, 0] <= levels[:, 1]).all(), float(card["error"]) >= 0)
    for name, parts in fields.items():
        kind, _, target = name.partition(".")
        if kind == "point":
            check_point(parts)
        elif kind != CARD:
            _check_of_target(kind, parts, n, float(n_observed[contract.model.index(int(target))]))


def _check_of_target(kind: str, parts: Parts, n: float, n_observed: float) -> None:
    """What a card says of one target."""
    n_of_it = float(parts["n"])
    match kind:
        case "fit":
            _demand(n_of_it == n_observed, not n_of_it or (as_floats(parts["information"]) > 0).all())
        case "gram":
            # Of a column that the site never measured a completed Gram counts fewer rows than there are.
            _demand(0 <= n_of_it <= n, _is_possible(as_floats(parts["gram"])))
        case "selection":
            _demand(0 <= n_of_it <= n, not n_of_it or _is_possible(as_floats(parts["information"])))


def check_point(parts: Parts) -> None:
    """The same of a score at a common point."""
    for part in parts.values():
        if not (np.abs(as_floats(part)) <= LARGEST).all():
            raise Refusal(Code.RULE_NOT_FINITE)
    _demand((as_floats(parts["information"]) > 0).all())


def _is_gram(gram: Matrix, n: float) -> bool:
    """Whether a matrix is Σ zz' of some n rows, the intercept last."""
    return bool(abs(gram[-1, -1] - n) <= SLACK * max(n, 1.0)) and _is_possible(gram)


def _is_possible(matrix: Matrix) -> bool:
    """Whether a matrix is symmetric without negative eigenvalues, but for rounding; judged with a unit diagonal."""
    diagonal = np.diagonal(matrix)
    if not (diagonal >= 0).all():
        return False
    root = np.sqrt(diagonal)
    scaled = np.divide(matrix, np.outer(root, root), out=np.where(matrix == 0, 0.0, np.inf), where=np.outer(root, root) > 0)
    if not (np.abs(scaled) <= 1.0 + SLACK).all() or not (np.abs(scaled - scaled.T) <= SLACK).all():
        return False
    return bool(np.linalg.eigvalsh((scaled + scaled.T) / 2)[0] >= -SLACK * len(matrix))


def _demand(*demands: bool | np.bool_) -> None:
    if not all(demands):
        raise Refusal(Code.CARD_IMPOSSIBLE)


def as_floats(part: npt.NDArray[np.generic]) -> Matrix:
    """A part in double precision, same shape."""
    return np.asarray(part, np.float64)
