"""The methods paragraph of a result: what a paper must say about its imputations, from what the run knows. Pure text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.contract import Contract
from sandbox.job import JobSpec
from sandbox.manifest import Manifest

WIDTH = 100


def methods(contract: Contract, spec: JobSpec, manifest: Manifest, report: Mapping[str, Any]) -> str:
    """The paragraph, and below it what a reader should know before using it.

    Args:
        contract: of the job.
        spec: the job, complete.
        manifest: of the pair.
        report: run.json as it is written.
    """
    paragraphs = [
        " ".join(
            [
                _who(contract, manifest, report),
                _how(contract, spec, manifest),
                _schedule(spec, manifest),
                _left_out(contract),
                _rows(report),
                _convergence(report["diagnostics"]),
                f"Pair {report['pair']['digest'][:16]}…, data contract {report['contract'][:16]}…, policy {report['policy']}."
                if "pair" in report and "contract" in report
                else "",
            ]
        ),
        "Before you use this: continuous values are drawn from an unbounded normal distribution, so that a quantity that cannot be "
        "negative may come out negative in a completed data set; leave it so for estimation. Participating sites sent summary statistics "
        "only, which their own gates computed once, from rows whose missing values they had filled themselves by chained equations, and "
        f"with errors where their policies say so. Write down how many cells were missing and why, and {_assumption(manifest)}.",
        *(f"- {event['sentence']} {event.get('remedy', '')}".strip() for event in report["events"]),
    ]
    return "\n\n".join(textwrap.fill(" ".join(text.split()), WIDTH) for text in paragraphs) + "\n"


def _who(contract: Contract, manifest: Manifest, report: Mapping[str, Any]) -> str:
    n_rows = report["data"]["rows"]
    missing = {column["name"]: column["missing"] for column in report["data"]["columns"]}
    names = [contract.column(index).name for index in contract.targets]
    shares = ", ".join(f"{name} ({100 * missing[name] / max(n_rows, 1):.0f} %)" for name in names)
    # Sites that a pair asks nothing have not helped.
    n_sites = 0 if manifest.capabilities.central_only else len(report.get("participants", [])) - 1
    sites = {-1: "", 0: "", 1: " with the help of one further site"}.get(n_sites, f" with the help of {n_sites} further sites")
    exchange = ", whose rows never left it" if n_sites == 1 else ", whose rows never left them" if n_sites > 1 else ""
    return (
        f"Missing values of {shares} in {n_rows} rows were multiply imputed{sites}{exchange}, by federated multiple imputation (Tidegate)."
    )


def _how(contract: Contract, spec: JobSpec, manifest: Manifest) -> str:
    predictors = [
        f"{column.name} ({len(column.levels or ())} levels)" if column.is_block else column.name
        for column in contract.columns
        if column.role == "predictor"
    ]
    others = " and the other targets" if len(contract.targets) > 1 else ""
    extra = " A separate intercept for the imputing site was in every model." if spec.parameters.get("central_intercept") is True else ""
    ridge = spec.parameters.get("ridge") or 0.0
    penalty = f" A ridge penalty of {ridge:g} (standardised units) was used." if ridge else ""
    title = manifest.title[:1].lower() + manifest.title[1:]
    return (
        f"The method was {manifest.name} {manifest.version} ({title}; {manifest.reference}): each target was imputed by "
        f"{_model(contract, spec, manifest)} on {_listed(predictors)}{others}.{extra}{penalty}"
    )


def _model(contract: Contract, spec: JobSpec, manifest: Manifest) -> str:
    kinds = frozenset(contract.column(index).is_binary for index in contract.targets)
    if manifest.capabilities.mechanism == "MNAR":
        outcome = "probit" if True in kinds else "linear"
        named = _listed([f"{parameter} column {spec.parameters[parameter]}" for parameter in manifest.parameters.columns])
        return (
            f"a selection model (a probit model of who is missing and a {outcome} model of the value, {named}), given that it is missing,"
        )
    return {frozenset({False}): "linear", frozenset({True}): "logistic"}.get(kinds, "linear or logistic") + " regression"


def _assumption(manifest: Manifest) -> str:
    if manifest.capabilities.mechanism == "MNAR":
        return "why the exclusion column bears on who is missing but not on the value itself"
    return "whether missing at random is a fair assumption"


def _schedule(spec: JobSpec, manifest: Manifest) -> str:
    sweeps = ""
    if manifest.capabilities.targets == "many":
        chains = f", taken in turn from {spec.chains} independent chains," if spec.chains > 1 else ""
        between = (
            f", with {spec.iteration_between_imputations} iterations between one and the next" if spec.imputations > spec.chains else ""
        )
        of_chain = " of a chain" if between and spec.chains > 1 else ""
        sweeps = f"{chains} after {spec.iteration_before_first_imputation} iterations{between}{of_chain}"
    return f"{spec.imputations} imputations were kept{sweeps} (seed {spec.seed}). Estimates are to be pooled by Rubin's rules."


def _left_out(contract: Contract) -> str:
    named = [f"{column.name} ({column.why})" if column.why else column.name for column in contract.columns if column.role == "ignored"]
    return f"Left out of every model: {_listed(named)}." if named else ""


def _rows(report: Mapping[str, Any]) -> str:
    n_incomplete = report["data"]["rows_with_a_missing_predictor"]
    return f"{n_incomplete} rows with a missing predictor took no part in the models." if n_incomplete else ""


def _convergence(diagnostics: Mapping[str, Any]) -> str:
    chains = [numbers for target in diagnostics["chains"].values() for numbers in (target["mean"], target["sd"])]

    def largest(key: str, sentence: str) -> str:
        known = [numbers[key] for numbers in chains if numbers[key] is not None]
        return sentence.format(max(known)) if known else ""

    sentences = [
        largest("split_rhat", "The largest split-Rhat of a mean or standard deviation of imputed values was {:.3f}."),
        largest("rhat_between_chains", "The largest Rhat between the chains of a mean or standard deviation of imputed values was {:.3f}."),
        largest("autocorrelation_at_thinning_lag", "The largest autocorrelation at the thinning lag was {:.2f}."),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _listed(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + " and " + names[-1]
