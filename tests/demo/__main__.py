"""Entry point of `make demo`. `KEEP=1` in the environment leaves the servers running and prints URLs and logins."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.demo.story import CENTRAL_CSV, HEART, SPEC, TARGETS, Federation, make_job, ready, set_up, tear_down, wait_for
from tests.demo.table import Result, faults, summary_lines
from tests.e2e.servers import ServerError

OUTPUT: Final = Path("demo-output")


def say(text: str) -> None:
    """A line for the person who watches."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run the story; the exit status."""
    start = time.monotonic()
    OUTPUT.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="tidegate-demo-"))
    try:
        federation = set_up(folder, say)
    except ServerError as error:
        say(str(error))
        return 1
    status = 1
    try:
        status = impute(federation, start)
    except ServerError as error:
        say(f"The demo failed: {error}\nLogs: {folder}")
    finally:
        if os.environ.get("KEEP") and status == 0:
            show_logins(federation, folder)
        else:
            tear_down(federation)
    return status


def impute(federation: Federation, start: float) -> int:
    """The job itself, from the form to the zip; the exit status."""
    job_id = make_job(federation)
    say("the runner made a job: impute trestbps, chol, thalach, oldpeak and exang at Long Beach with the help of both sites")
    csvs = {name: HEART / f"{name}.csv" for name in federation.sites}
    ready(federation, job_id, CENTRAL_CSV, csvs)
    say("everybody approved the code, uploaded and pressed Start; running")
    running = time.monotonic()
    job = wait_for(federation, job_id, ("FINISHED", "FAILED", "CANCELLED"))
    if job["state"] != "FINISHED":
        say(f"The job is {job['state']}: {job.get('sentence')} {job.get('remedy')} ({job.get('culprit')})")
        return 1
    seconds = time.monotonic() - running
    response = federation.runner.client.get(f"/api/jobs/{job_id}/result")
    path = OUTPUT / "result.zip"
    path.write_bytes(response.content)
    result = Result(path)
    wrong = faults(result, CENTRAL_CSV.read_bytes(), TARGETS, SPEC["imputations"])
    verdicts = {name: site.api.call("GET", "/api/ledger/verdict") for name, site in federation.sites.items()}
    totals = {name: site.api.call("GET", f"/api/jobs/{job_id}/receipt")["totals"] for name, site in federation.sites.items()}
    verdicts["central"] = federation.runner.call("GET", "/api/ledger/verdict")
    federation.runner.call("POST", f"/api/jobs/{job_id}/close")
    say("")
    for line in summary_lines(result, TARGETS):
        say(line)
    say("")
    whole = time.monotonic() - start
    say(f"  {result.run['imputations']} imputations, {result.run['rounds']} rounds in {seconds:.1f} s; the whole demo {whole:.0f} s")
    for name, total in totals.items():
        say(f"  {name} was asked {total['messages']} times in all, and {total['new_numbers']} different numbers left it")
    for name, verdict in verdicts.items():
        say(f"  ledger of {name}: {'holds' if verdict['holds'] else 'BROKEN'}, {verdict['n_lines']} lines")
    say(f"  result: {path.resolve()}")
    for fault in wrong:
        say(f"  WRONG: {fault}")
    return 1 if wrong or not all(verdict["holds"] for verdict in verdicts.values()) else 0


def show_logins(federation: Federation, folder: Path) -> None:
    """Where to look around, and how to end it."""
    central = federation.central
    say(f"\n  central  {central.url}  admin / {central.admin_password}   runner: va_long_beach / {federation.runner_password}")
    for name, site in federation.sites.items():
        say(f"  {name:<9} {site.url}  password {site.owner_password}   (at central: {name} / {site.password})")
    pids = " ".join(str(server.process.pid) for server in (central.server, *(site.server for site in federation.sites.values())))
    say(f"  CA fingerprint {central.fingerprint}\n  data and logs {folder}\n  to end them: kill {pids}")


if __name__ == "__main__":
    raise SystemExit(main())
