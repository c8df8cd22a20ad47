"""CSLMICE, central module: chained equations in which every fit maximises a surrogate likelihood around central's own fit.

Each sweep visits the targets in file order: central fits its own rows, every participant sends its gradient there, central maximises the
surrogate with its own rows. The draw of one target travels with the question about the next one: one round trip per target and sweep.
"""

import numpy as np
from tidegate import estimation


def impute(job, sites):
    starts = {target.column: np.zeros(job.n_coefficients) for target in job.targets}
    for sweep in job.sweeps():
        for target in job.targets:
            if target.family == "gaussian":
                impute_continuous(job, sites, target.column)
            else:
                starts[target.column] = impute_binary(job, sites, target.column, starts[target.column])
        if sweep.keeps_imputation:
            job.keep_imputation()


def impute_continuous(job, sites, target):
    ridge = job.parameters["ridge"]
    moments = sites.central("moments", target=target)["moments"]
    local = estimation.least_squares(moments, ridge=ridge, prior=job.parameters["prior"])
    replies = sites.each("gradient_continuous", target=target, beta=local.beta)
    fit = estimation.surrogate_least_squares(moments, local, [reply["gradient"] for reply in replies], ridge=ridge)
    job.record_fit(target, fit)
    beta, sigma = fit.draw(job.rng)
    sites.tell("impute_continuous", target=target, beta=beta, sigma=sigma)


def impute_binary(job, sites, target, start):
    """Fit from `start`, central's own fit of the last sweep, and return where the next sweep starts."""
    ridge = job.parameters["ridge"]

    def score_at(beta):
        return sites.central("score", target=target, beta=beta)["score"]

    local = estimation.logistic(score_at, start, ridge=ridge)
    replies = sites.each("gradient_binary", target=target, beta=local.beta)
    fit = estimation.surrogate_logistic(score_at, local, [reply["gradient"] for reply in replies], ridge=ridge)
    job.record_fit(target, fit)
    sites.tell("impute_binary", target=target, beta=fit.draw(job.rng))
    return local.beta
