"""CSLMI, central module: central fits its own rows, the sites send one gradient each, and central maximises a surrogate likelihood.

One round trip, and the least that leaves a site: q numbers. It assumes that the sites' rows look like central's; where they do not, the
correction is taken as if they did. Missing cells are imputed at central only.
"""

import numpy as np
from tidegate import estimation

TOLERANCE = 1e-8  # Newton decrement; there is one fit per job and its questions stay at central


def impute(job, sites):
    target = job.targets[0]
    if target.family == "gaussian":
        impute_continuous(job, sites, target.column)
    else:
        impute_binary(job, sites, target.column)


def impute_continuous(job, sites, target):
    ridge = job.parameters["ridge"]
    moments = sites.central("moments", target=target)["moments"]
    local = estimation.least_squares(moments, ridge=ridge, prior=job.parameters["prior"])
    replies = sites.each("gradient_continuous", target=target, beta=local.beta)
    fit = estimation.surrogate_least_squares(moments, local, [reply["gradient"] for reply in replies], ridge=ridge)
    job.record_fit(target, fit)
    for _ in job.sweeps():
        beta, sigma = fit.draw(job.rng)
        sites.central("impute_continuous", target=target, beta=beta, sigma=sigma)
        job.keep_imputation()


def impute_binary(job, sites, target):
    ridge = job.parameters["ridge"]

    def score_at(beta):
        return sites.central("score", target=target, beta=beta)["score"]

    local = estimation.logistic(score_at, np.zeros(job.n_coefficients), ridge=ridge, tolerance=TOLERANCE)
    replies = sites.each("gradient_binary", target=target, beta=local.beta)
    fit = estimation.surrogate_logistic(score_at, local, [reply["gradient"] for reply in replies], ridge=ridge, tolerance=TOLERANCE)
    job.record_fit(target, fit)
    for _ in job.sweeps():
        sites.central("impute_binary", target=target, beta=fit.draw(job.rng))
        job.keep_imputation()
