"""The story: who registers, approves, uploads and presses Start, in order. Also run by the end-to-end tests."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.e2e.servers import Api, Central, Site, poll

HEART: Final = Path(__file__).parents[1] / "data" / "heart"
CENTRAL_CSV: Final = HEART / "va_long_beach.csv"
CONTINUOUS: Final = ("trestbps", "chol", "thalach", "oldpeak")
BINARY: Final = ("exang",)
TARGETS: Final = (*CONTINUOUS, *BINARY)
SPEC: Final[dict[str, Any]] = {
    "imputations": 10,
    "iteration_before_first_imputation": 20,
    "iteration_between_imputations": 5,
    "seed": 1988,
    "targets": [{"column": name, "type": "continuous"} for name in CONTINUOUS] + [{"column": name, "type": "binary"} for name in BINARY],
    "columns": {
        **dict.fromkeys(("patient", "restecg", "fbs"), "ignored"),
        **dict.fromkeys(("age", "sex", "disease"), "predictor"),
        "cp": {"type": "categorical"},
    },
    "parameters": {"central_intercept": True},
}
FINISH_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Federation:
    """The servers of the story, signed in."""

    central: Central
    runner: Api
    runner_password: str
    sites: dict[str, Site]
    started: contextlib.ExitStack
    """What :func:`tear_down` ends."""


def set_up(folder: Path, say: Callable[[str], None], env: dict[str, str] | None = None) -> Federation:
    """Start central and two sites; people register, the admin approves, the sites enrol."""
    say("central starts: its own CA and certificate, the first admin")
    with contextlib.ExitStack() as started:
        central = Central(folder, env)
        started.callback(central.close)
        runner_password, _ = central.register("va_long_beach", "VA Medical Center, Long Beach", ["runner"])
        runner = central.api()
        runner.sign_in(username="va_long_beach", password=runner_password)
        sites = {}
        for name, institution in (("cleveland", "Cleveland Clinic Foundation"), ("hungary", "Hungarian Institute of Cardiology, Budapest")):
            sites[name] = Site(folder, central, name, institution)
            started.callback(sites[name].close)
            say(f"{institution}: registered, approved as {sites[name].site_id}, key enrolled, link open")
        return Federation(central, runner, runner_password, sites, started.pop_all())


def make_job(federation: Federation, spec: dict[str, Any] = SPEC, pair: str = "SIMICE") -> str:
    """The runner makes a job with both sites and opens it; its id."""
    digest = next(p["digest"] for p in federation.runner.call("GET", "/api/pairs") if p["name"] == pair)
    participants = [site.site_id for site in federation.sites.values()]
    table = {"name": "Heart data", "pair": digest, "participants": participants, "spec": spec}
    job_id: str = federation.runner.call("POST", "/api/jobs", json=table)["id"]
    federation.runner.call("POST", f"/api/jobs/{job_id}/open")
    return job_id


def ready(federation: Federation, job_id: str, central_csv: Path, site_csvs: dict[str, Path]) -> None:
    """Central uploads, then every site approves, uploads and presses Start; central presses Start last."""
    sites_ready(federation, job_id, central_csv, site_csvs)
    federation.runner.call("POST", f"/api/jobs/{job_id}/start")


def sites_ready(federation: Federation, job_id: str, central_csv: Path, site_csvs: dict[str, Path]) -> None:
    """As :func:`ready`, but for central's Start."""
    federation.runner.upload(job_id, central_csv)
    for name, site in federation.sites.items():
        offer = site.wait_for_job(job_id, "contract")
        site.api.call("POST", f"/api/jobs/{job_id}/approve", json={"digest": offer["digest"]})
        site.api.upload(job_id, site_csvs[name])
        site.api.call("POST", f"/api/jobs/{job_id}/start")


def job_state(federation: Federation, job_id: str) -> dict[str, Any]:
    """The job as its runner sees it."""
    state: dict[str, Any] = federation.runner.call("GET", f"/api/jobs/{job_id}")
    return state


def wait_for(federation: Federation, job_id: str, states: tuple[str, ...], seconds: float = FINISH_SECONDS) -> dict[str, Any]:
    """Poll until the job is in one of `states`."""
    state: dict[str, Any] = poll(
        lambda: job_state(federation, job_id), lambda job: job["state"] in states, seconds, f"the job to be {states}"
    )
    return state


def tear_down(federation: Federation) -> None:
    """Stop the three servers, each also when another could not be stopped."""
    federation.started.close()
