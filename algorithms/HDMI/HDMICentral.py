"""HDMI, central module: a Heckman selection model for a target that is missing not at random, fitted to all rows of all participants.

Whether the target is seen depends on its own value through the correlation of two error terms. One pooled maximum likelihood fit, then M
draws of its coefficients; each imputes central's missing cells given that they are missing.
"""

from tidegate import estimation

TOLERANCE = 1e-8  # Newton decrement; there is one fit per job, so a question more than imputation alone needs is cheap


def impute(job, sites):
    target, exclusion = job.targets[0], job.parameters["exclusion"]
    type_ = "continuous" if target.family == "gaussian" else "binary"

    def score_at(theta):
        return sites.sum("score_" + type_, target=target.column, exclusion=exclusion, theta=theta)["score"]

    fit = estimation.selection(score_at, job.n_coefficients, target.family, ridge=job.parameters["ridge"], tolerance=TOLERANCE)
    job.record_fit(target.column, fit, exclusion=exclusion)
    for _ in job.sweeps():
        sites.central("impute_" + type_, target=target.column, exclusion=exclusion, theta=fit.draw(job.rng))
        job.keep_imputation()
