"""What code that sees rows gets, and cannot do to it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

from sandbox.worker.block import Block, Layout
from sandbox.worker.facades import MODULES, NUMPY, SCIPY_SPECIAL

LAYOUT = Layout((1, 2, 4), (2, 4), 1, {4: 0.25})


def block(numbers: np.ndarray | None = None) -> Block:
    values = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [-0.5, 1.0, -0.5], [1.0, 1.0, 1.0]])
    values.setflags(write=False)
    observed = np.array([[True, False, True], [True, True, False]])
    return Block(LAYOUT, values, observed, numbers)


def test_the_design_of_a_target_is_the_matrix_without_its_own_column() -> None:
    assert block().matrix().shape == (3, 4)
    assert block().design(2).tolist() == [[1.0, -0.5, 1.0], [2.0, 1.0, 1.0], [3.0, -0.5, 1.0]]


def test_a_binary_outcome_is_0_and_1_and_a_continuous_one_is_standardised() -> None:
    assert block().outcome(4).tolist() == [0.0, 1.0, 0.0]
    assert block().outcome(2).tolist() == [4.0, 5.0, 6.0]


def test_observed_tells_which_rows_show_the_target() -> None:
    assert block().observed(2).tolist() == [True, False, True]
    assert block().observed(4).tolist() == [True, True, False]


@pytest.mark.parametrize("index", [0, 3, 5, True])
def test_a_column_that_is_not_in_the_model_is_not_there(index: int) -> None:
    with pytest.raises(ValueError, match="1-based"):
        block().design(index)


@pytest.mark.parametrize("index", [1, 3, True])
def test_only_targets_are_observed_or_filled(index: int) -> None:
    with pytest.raises(ValueError, match="target"):
        block().observed(index)
    with pytest.raises(ValueError, match="target"):
        block().fill(index, np.zeros(3))


def test_rows_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        block().matrix()[0, 0] = 1.0


def test_a_step_without_declared_draws_gets_no_random_numbers() -> None:
    with pytest.raises(ValueError, match="declares no draws"):
        block().normal()
    assert block(np.arange(3.0)).uniform().tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("values", [np.zeros(2), np.zeros((3, 1)), 0.0])
def test_a_fill_has_a_number_for_every_row(values: object) -> None:
    with pytest.raises(ValueError, match="every row"):
        block().fill(2, values)


OVERWRITING = {
    "solve": lambda call, X: call(X, np.ones(len(X)), overwrite_a=True),
    "solve, the right side": lambda call, X: call(2 * np.eye(len(X)), X, overwrite_b=True),
    "cho_factor": lambda call, X: call(X, False, True),
    "cho_solve": lambda call, X: call((2 * np.eye(len(X)), True), X, overwrite_b=True),
    "cholesky": lambda call, X: call(X, overwrite_a=True),
    "solve_triangular": lambda call, X: call(2 * np.eye(len(X)), X, overwrite_b=True),
    "eigh": lambda call, X: call(X, overwrite_a=True),
}


@pytest.mark.parametrize("name", OVERWRITING)
def test_lapack_told_to_overwrite_leaves_what_was_lent_as_it_was(name: str) -> None:
    call = getattr(MODULES["scipy.linalg"], name.partition(",")[0])
    owned = np.asfortranarray(np.eye(4) * 5 + 1)
    lent, before = owned.view(), owned.copy()
    lent.setflags(write=False)
    OVERWRITING[name](call, lent)
    assert (owned == before).all()
    # The control: where the caller owns the array, the same call does overwrite it.
    OVERWRITING[name](call, owned)
    assert (owned != before).any()


@pytest.mark.parametrize("name", [*NUMPY, *SCIPY_SPECIAL])
def test_no_function_gives_cells_that_nobody_wrote(name: str) -> None:
    offered = getattr(MODULES["numpy" if name in NUMPY else "scipy.special"], name)
    own = getattr(np if name in NUMPY else scipy.special, name)
    n_arguments = own.nin if isinstance(own, np.ufunc) else 3
    if not (isinstance(own, np.ufunc) or name == "clip") or getattr(own, "signature", None):
        return
    arguments = [np.full(3, 0.5)] * n_arguments
    if name.startswith("logical"):
        arguments = [np.ones(3, dtype=bool)] * n_arguments
    with pytest.raises(TypeError, match="where needs out"):
        offered(*arguments, where=np.zeros(3, dtype=bool))
    with pytest.raises(TypeError, match="where needs out"):
        offered(*arguments, where=np.zeros(3, dtype=bool), out=None)
    written = np.full(3, 7.0) if own(*arguments).dtype == np.float64 else np.ones(3, dtype=own(*arguments).dtype)
    assert (offered(*arguments, where=np.zeros(3, dtype=bool), out=written.copy()) == written).all()
