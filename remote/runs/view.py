"""A run as the API answers it and the pages show it. Pure: plain dictionaries from what `service` holds."""

from __future__ import annotations

from typing import Any

import msgspec

from remote.approvals.model import Approval
from remote.problems import explain, finding_view
from remote.runs.phase import Phase
from remote.runs.run import Run
from sandbox.contract import Contract
from sandbox.job import n_sweeps
from sandbox.manifest import CHAINS
from sandbox.wire.link import BoardRow
from sandbox.wire.messages import UploadReport


def summary_view(run: Run) -> dict[str, Any]:
    """A run in the list."""
    return {
        "id": run.job_id,
        "name": run.offer.name,
        "state": run.state,
        "phase": run.phase.value,
        "pair": f"{run.pair.manifest.name} {run.pair.manifest.version}" if run.pair else "",
        "digest": run.pair.digest if run.pair else "",
        "is_approved": run.is_approved,
        "next": next_step(run),
    }


def run_view(run: Run, earlier: Approval | None = None) -> dict[str, Any]:
    """Everything about a run but its sources."""
    return {
        **summary_view(run),
        "title": run.pair.manifest.title if run.pair else "",
        "access": run.pair.manifest.access if run.pair else "",
        "reference": run.pair.manifest.reference if run.pair else "",
        "problem": explain(run.problem, {"found": run.offer.spec.chains, "limit": run.policy.max_chains}),
        "approval": _approval_view(run.approval),
        "approved_before": _approval_view(earlier),
        "spec": msgspec.to_builtins(run.offer.spec),
        "chains": _chains_view(run),
        "contract": _contract_view(run.offer.contract),
        "participants": list(run.offer.participants),
        "board": [_board_view(row) for row in run.board],
        "progress": {"step": run.progress.step, "done": run.progress.done, "total": run.progress.total},
        "report": report_view(run.report),
        "trouble": finding_view(run.trouble) if run.trouble else None,
        "isolation": msgspec.to_builtins(run.isolation) if run.isolation else None,
        "end": {**explain(run.code), "culprit": run.culprit},
        "status": msgspec.to_builtins(run.status()),
        "may": may(run),
    }


def sources_view(run: Run) -> dict[str, str]:
    """The three files of the pair as text; bytes that are not UTF-8 show as replacement characters (and cannot be approved)."""
    return {
        "manifest": run.offer.manifest.decode(errors="replace"),
        "central": run.offer.central_source.decode(errors="replace"),
        "remote": run.offer.remote_source.decode(errors="replace"),
    }


def report_view(report: UploadReport | None) -> dict[str, Any] | None:
    """The report of an upload, for the site's own page."""
    if report is None:
        return None
    return {
        "is_clean": report.is_clean,
        "findings": [finding_view(finding) for finding in report.findings],
        "columns": msgspec.to_builtins(report.columns),
        "n_rows": report.n_rows,
        "n_set_aside": report.n_set_aside,
        "set_aside_band": report.set_aside_band,
        "notes": list(report.notes),
    }


def may(run: Run) -> dict[str, bool]:
    """What the owner may do now."""
    is_free = run.is_open and not run.is_busy
    may_upload = is_free and run.is_approved and run.offer.contract is not None
    return {
        "approve": run.is_open and not run.is_approved and run.pair is not None and run.problem is None,
        "upload": may_upload,
        "start": may_upload and run.phase is Phase.READY,
        "cancel": run.phase is not Phase.ENDED,
    }


def next_step(run: Run) -> str:
    """What is to be done next, and by whom."""
    if run.phase is Phase.ENDED:
        return "Nothing: the job is over here and its rows are wiped."
    if run.problem is not None:
        return "Nothing can be approved: central's offer is not what it says it is."
    if run.phase is Phase.RUNNING:
        return "Nothing: the job is running."
    if run.phase is Phase.STARTED:
        return "Wait: the job begins when everybody has pressed Start."
    if run.is_busy:
        return "Wait: an upload or a start is under way."
    if run.phase is Phase.READY:
        return "Press Start."
    if not run.is_approved:
        return "Read the pair's source and approve it."
    if run.offer.contract is None:
        return "Wait: central has not uploaded its data yet."
    return "Upload the data set." if run.report is None else "Correct the data set and upload it again."


def _approval_view(approval: Approval | None) -> dict[str, str] | None:
    if approval is None:
        return None
    return {"job": approval.job_id, "by": approval.approved_by, "at": approval.approved_at.isoformat(timespec="seconds")}


def _chains_view(run: Run) -> dict[str, int] | None:
    """What the chains of a job come to, None for a pair that has none: each asks about the same rows and needs room for them."""
    if run.pair is None or CHAINS not in run.pair.manifest.parameters.properties:
        return None
    spec, manifest = run.offer.spec, run.pair.manifest
    iterations = sum(n_sweeps(spec, manifest, chain) for chain in range(spec.chains))
    return {"number": spec.chains, "limit": run.policy.max_chains, "iterations": iterations}


def _contract_view(contract: Contract | None) -> dict[str, Any] | None:
    if contract is None:
        return None
    columns = [
        {"index": index, "name": column.name, "role": column.role, "type": column.type, "levels": column.levels}
        for index, column in enumerate(contract.columns, 1)
    ]
    return {"digest": contract.digest, "missing": list(contract.missing), "columns": columns}


def _board_view(row: BoardRow) -> dict[str, Any]:
    return {**msgspec.to_builtins(row), "findings": [finding_view(finding) for finding in row.findings]}
