"""The author's command line: `tidegate check`, `simulate`, `new`, `probe`, `ledger verify`, `ledger receipt`.

Thin: parse, call one function, render.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import msgspec
import typer

from policies import Policy, PolicyError, load_policy
from sandbox import check as checking
from sandbox import ledger as ledgers
from sandbox import receipt as receipts
from sandbox import scaffold
from sandbox.errors import TidegateError
from sandbox.job import parse_job
from sandbox.manifest import load_pair
from sandbox.pages import receipt as receipt_page
from sandbox.probe import script as scripts
from sandbox.probe.runner import Progress
from sandbox.probe.runner import probe as make_report
from sandbox.rounds.summary import EngineProgress
from sandbox.simulate import DataError, Inputs, Simulation
from sandbox.statement import error_in_words, shape_in_words, title_of

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Write, check and try out imputation algorithms.")
ledger_app = typer.Typer(no_args_is_help=True, help="Read the ledger of a host.")
app.add_typer(ledger_app, name="ledger")

EXIT_FAILED: Final = 1
REVIEWER: Final = "A reviewer's own central"
PairFolder = Annotated[Path, typer.Argument(metavar="PAIR", help="Folder with NAMECentral.py, NAMERemote.py and manifest.toml.")]
PolicyOption = Annotated[str, typer.Option("--policy", help="research, default, strict, or a site's own file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, everything else on standard error.")]


@app.command()
def simulate(
    pair: PairFolder,
    job: Annotated[Path, typer.Option(help="job.toml: targets, imputations, iterations, seed, columns, parameters.")],
    central: Annotated[Path, typer.Option(help="Central's CSV, the one that is imputed.")],
    out: Annotated[Path, typer.Option(help="Folder for the completed data sets, run.json and the ledger.")],
    site: Annotated[list[Path] | None, typer.Option(help="A site's CSV; repeat for more sites, leave out for none.")] = None,
    policy: PolicyOption = "default",
    seed: Annotated[int | None, typer.Option(help="Overrides the seed of the job.")] = None,
    unreviewed: Annotated[
        bool, typer.Option("--unreviewed", help="Sites have not let this very code see rows: only a policy that lets any code runs it.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a whole federation on this machine: real gates and workers, no network."""
    with _reported(as_json):
        spec = parse_job(job.read_text(encoding="utf-8"))
        if seed is not None:
            spec = msgspec.structs.replace(spec, seed=seed)
        inputs = Inputs(load_pair(pair), spec, central, tuple(site or ()), load_policy(policy), out, rows_reviewed=not unreviewed)
        result = asyncio.run(Simulation(inputs, _show_progress).run())
        _end_progress()
        typer.echo(json.dumps(result) if as_json else _render(result))


@app.command()
def check(pair: PairFolder, policy: PolicyOption = "default", as_json: JsonOption = False) -> None:
    """Check a pair: manifest, source rules, and a trial run on synthetic data. Exit status 0 or 1."""
    with _reported(as_json):
        report = asyncio.run(checking.check_pair(load_pair(pair), load_policy(policy)))
        typer.echo(json.dumps(report.as_dict()) if as_json else report.as_text())
        if not report.passed:
            raise typer.Exit(EXIT_FAILED)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the algorithm, e.g. MyMI.")],
    folder: Annotated[Path, typer.Option(help="Where to make the folder.")] = Path(),
    rows: Annotated[
        bool, typer.Option("--rows", help="Code that is lent rows, where a site lets it, in place of code that names kernels.")
    ] = False,
) -> None:
    """Make the three files of a new pair that passes `tidegate check`."""
    with _reported(False):
        typer.echo(f"Made {scaffold.make_pair(name, folder, sees_rows=rows)}. Next: tidegate check {folder / name}")


@app.command()
def probe(
    script: Annotated[
        Path | None, typer.Option(help="A Python file of your own with run(data, params), to try instead inside a locked worker.")
    ] = None,
    restricted: Annotated[bool, typer.Option("--restricted", help="With the source rules for pairs; without them by default.")] = False,
    seconds: Annotated[float, typer.Option(help="Wall time of the script.", min=0.1, max=600)] = scripts.SCRIPT_SECONDS,
    policy: PolicyOption = "default",
    as_json: JsonOption = False,
    central: Annotated[
        Path | None,
        typer.Option(
            help="Your own central: a Python file with attack(site), which is not locked in and asks one site whatever it likes.",
            rich_help_panel=REVIEWER,
        ),
    ] = None,
    pair: Annotated[Path | None, typer.Option(help="Folder of the pair whose steps are asked.", rich_help_panel=REVIEWER)] = None,
    job: Annotated[Path | None, typer.Option(help="job.toml of the job that the site takes part in.", rich_help_panel=REVIEWER)] = None,
    site: Annotated[Path | None, typer.Option(help="The site's CSV.", rich_help_panel=REVIEWER)] = None,
    is_open: Annotated[
        bool,
        typer.Option("--open", help="Control: every disclosure rule and error is off, whatever the policy.", rich_help_panel=REVIEWER),
    ] = False,
    secret: Annotated[
        str | None, typer.Option(help="Makes the site's secret from a text, so that results repeat.", rich_help_panel=REVIEWER)
    ] = None,
) -> None:
    """Try to break it: the wall around code, or with --central what a site tells.

    Without --central: prove the wall on this machine, what a worker and a gate cannot do and a plain child can. Exit status 0 if it holds.

    With --central: play central against one site's gate, and print what attack(site) returns as JSON. Exit status 1 when it raises.
    """
    if central is not None:
        if script is not None or restricted or pair is None or job is None or site is None:
            raise typer.BadParameter("--central goes with --pair, --job, --site, and not with --script or --restricted")
        _play_central({"central": central, "pair": pair, "job": job, "site": site}, policy, is_open, secret, as_json)
    if pair or job or site or is_open or secret is not None:
        raise typer.BadParameter("--pair, --job, --site, --open and --secret go with --central")
    with _reported(as_json):
        _prove_wall(script, restricted, seconds, load_policy(policy), as_json)


def _prove_wall(script: Path | None, restricted: bool, seconds: float, limits: Policy, as_json: bool) -> None:
    if script is not None:
        ended = asyncio.run(scripts.run_script(script.read_bytes(), limits, is_restricted=restricted, seconds=seconds))
        typer.echo(json.dumps(ended.as_dict()) if as_json else ended.as_text())
        return
    report = asyncio.run(make_report(limits, _show_deed))
    _end_progress()
    typer.echo(json.dumps(report.as_dict()) if as_json else report.as_text())
    if not report.holds:
        raise typer.Exit(EXIT_FAILED)


def _play_central(paths: dict[str, Path], policy: str, is_open: bool, secret: str | None, as_json: bool) -> NoReturn:
    """Hand over to a process of its own, which says everything: a host does not load NumPy, and a reviewer's file may do what it likes."""
    inputs = {
        **{name: str(path) for name, path in paths.items()},
        "policy": policy,
        "is_open": is_open,
        "secret": secret,
        "as_json": as_json,
    }
    # -P: a folder that happens to be called sandbox is not in the way.
    command = [sys.executable, "-P", "-m", "sandbox.reviewer", json.dumps(inputs)]
    raise typer.Exit(subprocess.run(command, check=False).returncode)  # noqa: S603 - our own interpreter and module


@ledger_app.command()
def verify(file: Annotated[Path, typer.Argument(help="ledger.jsonl of a host or of a simulation.")]) -> None:
    """Check the hash chain. Exit status 0 when it holds."""
    if not file.is_file():
        raise typer.BadParameter(f"no such file: {file}")
    verdict = ledgers.verify(file)
    if not verdict.holds:
        typer.echo(
            f"{verdict.broken_file}: broken at line {verdict.broken_line}: that line or the one before was changed, removed or inserted.",
            err=True,
        )
        raise typer.Exit(EXIT_FAILED)
    earlier = "" if verdict.is_complete else " Earlier files are not here."
    typer.echo(f"The chain holds: {verdict.n_lines} lines, last hash {verdict.last_hash}.{earlier}")


@ledger_app.command()
def receipt(
    file: Annotated[Path, typer.Argument(help="ledger.jsonl of a host or of a simulation.")],
    job: Annotated[str, typer.Argument(help="Id of the job; a simulation's is simulation.")],
    as_html: Annotated[bool, typer.Option("--html", help="One HTML page instead of text.")] = False,
    participant: Annotated[str, typer.Option(help="One of the participants of a simulation, which share a ledger.")] = "",
) -> None:
    """The receipt of a job, one page: what left, when, how much, under which rules and code, what was refused, what was wiped."""
    if not file.is_file():
        raise typer.BadParameter(f"no such file: {file}")
    found = receipts.read_receipt(file, job, participant)
    if found is None:
        typer.echo(f"The ledger has no line about job {job}.", err=True)
        raise typer.Exit(EXIT_FAILED)
    typer.echo(receipt_page.as_html(found) if as_html else receipts.as_text(found))


def main() -> None:
    """Entry point of the command `tidegate`."""
    app()


@contextmanager
def _reported(as_json: bool) -> Iterator[None]:
    """Turn the errors a user can mend into sentences and exit status 1."""
    try:
        yield
    except DataError as error:
        findings = [{"participant": error.participant, "code": f.code, "sentence": f.sentence} for f in error.findings]
        _fail(
            as_json,
            {"code": error.code, "findings": findings},
            [f"{error.participant}: {f['sentence']}" for f in findings] + [error.remedy],
        )
    except TidegateError as error:
        lines = [f"Site {error.site}: {error}" if error.site else str(error)]
        _fail(as_json, {"code": error.code, "site": error.site, "sentence": error.sentence, "remedy": error.remedy}, lines)
    except PolicyError as error:
        _fail(as_json, {"code": "policy.invalid", "sentence": str(error)}, [str(error)])
    except OSError as error:
        _fail(as_json, {"code": "file", "sentence": f"{error.filename}: {error.strerror}"}, [f"{error.filename}: {error.strerror}"])


def _fail(as_json: bool, detail: dict[str, Any], lines: list[str]) -> None:
    _end_progress()
    for line in lines:
        typer.echo(line, err=True)
    if as_json:
        typer.echo(json.dumps({"error": detail}))
    raise typer.Exit(EXIT_FAILED)


def _show_progress(progress: EngineProgress) -> None:
    """One line that is written over on a terminal; a log file gets none."""
    if sys.stderr.isatty():
        typer.echo(f"\r{progress.step:<20} {progress.done}/{progress.total}   ", nl=False, err=True)


def _show_deed(progress: Progress) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{progress.done}/{progress.total} {progress.title:<60.60}", nl=False, err=True)


def _end_progress() -> None:
    if sys.stderr.isatty():
        typer.echo(err=True)


def _render(result: dict[str, Any]) -> str:
    lines = [f"{result['pair']['name']} {result['pair']['version']}, {result['imputations']} imputations, seed {result['seed']}"]
    lines.append(
        f"{result['rounds']} rounds, {result['round_trips']} round trips, "
        f"{sum(result['seconds'].values()):.1f} s, isolation {result['isolation']}"
    )
    for name, released in result["released"].items():
        lines.append(f"  {name}: {released['messages']} messages, {released['scalars']} scalars")
    for name, card in result["cards"].items():
        lines += _render_card(name, card)
    lines += [f"  refused by {refusal['site']}: {refusal['rule']}" for refusal in result["refusals"]]
    left_out = [f"{column['name']} ({column['why']})" for column in result["columns"] if column["role"] == "ignored"]
    lines += [f"  left out of every model: {', '.join(left_out)}"] if left_out else []
    lines += [f"  notice at {found['participant']}: {found['sentence']}" for found in result["findings"]]
    lines += [f"  note at {name}: {note}" for name, notes in result["notes"].items() for note in notes]
    lines += [f"  {event['sentence']}" for event in result["events"]]
    return "\n".join([*lines, *result["files"]])


def _render_card(name: str, card: list[dict[str, Any]]) -> list[str]:
    """The card of a participant as a table of text."""
    rows = [
        (title_of(line["what"], line["column"]), shape_in_words(line["shape"]), f"{line['numbers']:,}", error_in_words(line["error"]))
        for line in card
    ]
    widths = [max(len(row[place]) for row in rows) for place in range(3)]
    total = sum(line["numbers"] for line in card)
    return [f"  card of {name}: {total:,} numbers"] + [
        f"    {title:<{widths[0]}}  {shape:>{widths[1]}}  {numbers:>{widths[2]}}  error: {error}" for title, shape, numbers, error in rows
    ]
