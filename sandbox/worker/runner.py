"""Runs a pair's functions and turns whatever they do into a message: kernels and fields, or a code and a line.

No text of theirs gets out. Called by `serve` only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from sandbox.declared import Declarations
from sandbox.errors import Code, TidegateError
from sandbox.estimation.cholesky import FitError
from sandbox.manifest import Manifest
from sandbox.wire.messages import CallStep, Failed, Finished, Impute, StepDone, StepFailed
from sandbox.wire.values import Array
from sandbox.worker.arrays import to_numpy
from sandbox.worker.channel import Line
from sandbox.worker.compilation import FILENAME
from sandbox.worker.job import Job
from sandbox.worker.rows import Rows, finish
from sandbox.worker.sites import Sites


def run_step(steps: Mapping[str, Callable[..., Any]], call: CallStep) -> StepDone | StepFailed:
    """Call one step of a remote module."""
    step = steps.get(call.step)
    if step is None:
        return StepFailed()
    rows = Rows()
    request = {name: to_numpy(value) if isinstance(value, Array) else value for name, value in call.request.items()}
    try:
        return finish(rows, step(rows, **request))
    except MemoryError as error:
        return StepFailed(line_of(error.__traceback__), is_memory=True)
    except Exception as error:  # noqa: BLE001 - the edge of foreign code: anything it raises becomes a line
        return StepFailed(line_of(error.__traceback__))


def run_impute(impute: Callable[[Job, Sites], object], start: Impute, manifest: Manifest, line: Line) -> Finished | Failed:
    """Run a central module to its end. Lets only `LineLost` through."""
    central_intercept = start.spec.has_central_intercept
    sites = Sites(line, Declarations(manifest, start.contract, central_intercept), 1 + int(central_intercept))
    try:
        job = Job(start, manifest, line)
        impute(job, sites)
        job.report_fits()
    except FitError as error:
        column = _blamed(error, start, sites.last_target())
        return Failed(error.code, sites.last_target(), line_of(error.__traceback__), column)
    except TidegateError as error:
        return Failed(error.code, sites.last_target(), line_of(error.__traceback__))
    except MemoryError as error:
        return Failed(Code.LIMIT_MEMORY, sites.last_target(), line_of(error.__traceback__))
    except Exception as error:  # noqa: BLE001 - as above
        return Failed(Code.WORKER_RAISED, sites.last_target(), line_of(error.__traceback__))
    return Finished()


def line_of(traceback: TracebackType | None) -> int:
    """The line of the innermost frame of the pair, 0 when it is not in the traceback."""
    line = 0
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == FILENAME:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def _blamed(error: FitError, start: Impute, target: int) -> int:
    """The column (1-based) of the coefficient a fit failed at, 0 when it is an intercept or not known."""
    if error.coefficient is None or target not in start.contract.targets:
        return 0
    design = start.contract.design(target)
    return design[error.coefficient] if error.coefficient < len(design) else 0
