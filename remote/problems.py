"""Errors as HTTP answers: every failure of the API is `{"code", "sentence", "remedy", "findings"}` with a fitting status.

These answers stay on the site's own machine, so sentences may hold local details; what goes to central holds codes only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from sandbox.contract import Finding
from sandbox.errors import CATALOGUE, Code, InputError, IsolationError, LimitError, TidegateError, describe
from sandbox.wire.messages import SourceFinding

STATUS: Final[dict[Code, int]] = {
    Code.ACCESS_SIGN_IN: 401,
    Code.ACCESS_CREDENTIALS: 401,
    Code.ACCESS_TOO_MANY: 429,
    Code.ACCESS_ORIGIN: 403,
    Code.REQUEST_NOT_FOUND: 404,
    Code.JOB_STATE: 409,
    Code.SITE_NOT_CONFIGURED: 409,
    Code.SITE_NOT_APPROVED: 409,
    Code.SITE_NO_CONTRACT: 409,
    Code.SITE_NO_UPLOAD: 409,
    Code.PAIR_DIGEST: 409,
    Code.REQUEST_TOO_LARGE: 413,
    Code.CENTRAL_UNREACHABLE: 502,
}
"""Statuses of single codes; the others follow their exception's class."""


def explain(code: Code | None, details: dict[str, object] | None = None) -> dict[str, str]:
    """A code as `{"code", "sentence", "remedy"}`; empty strings for none."""
    if code is None:
        return {"code": "", "sentence": "", "remedy": ""}
    return {"code": code.value, "sentence": describe(code, details), "remedy": CATALOGUE[code].remedy}


def finding_view(finding: Finding) -> dict[str, Any]:
    """A finding as the site's own page shows it."""
    return {
        "code": finding.code.value,
        "severity": finding.severity,
        "column": finding.column,
        "line": finding.details.get("line", 0),
        "sentence": finding.sentence,
        "remedy": CATALOGUE[finding.code].remedy,
    }


def source_finding_view(finding: SourceFinding) -> dict[str, Any]:
    """A finding about a pair's source."""
    return {"code": Code.WORKER_SOURCE.value, "line": finding.line, "sentence": finding.message, "remedy": finding.remedy}


def problem(error: TidegateError, findings: Sequence[dict[str, Any]] = ()) -> JSONResponse:
    """The answer for `error`."""
    body = {"code": error.code.value, "sentence": error.sentence, "remedy": error.remedy, "findings": list(findings)}
    return JSONResponse(body, status_code=status_of(error))


def status_of(error: TidegateError) -> int:
    """The HTTP status of an error."""
    if error.code in STATUS:
        return STATUS[error.code]
    if isinstance(error, InputError):
        return 422
    if isinstance(error, LimitError):
        return 413 if error.code is Code.DATA_TOO_LARGE else 422
    return 503 if isinstance(error, IsolationError) else 502


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(TidegateError, _on_tidegate_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(Exception, _on_bug)


async def _on_tidegate_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, TidegateError):
        raise error
    return problem(error)


async def _on_invalid_request(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    # Names of fields only: the values may be a password.
    reason = "; ".join(f"{'.'.join(str(part) for part in item['loc'])}: {item['type']}" for item in error.errors())
    return problem(InputError(Code.REQUEST_INVALID, reason=reason))


async def _on_http_exception(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    known = error.status_code == 404
    answer = problem(InputError(Code.REQUEST_NOT_FOUND, what="page") if known else InputError(Code.REQUEST_INVALID, reason=error.detail))
    answer.status_code = error.status_code
    return answer


async def _on_disconnect(_: Request, __: Exception) -> JSONResponse:
    """The client went away during an upload: nobody reads this answer."""
    return problem(InputError(Code.REQUEST_INVALID, reason="the connection was closed"))


async def _on_bug(_: Request, __: Exception) -> JSONResponse:
    answer = problem(InputError(Code.REQUEST_FAILED))
    answer.status_code = 500
    return answer
