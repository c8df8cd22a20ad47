"""AVGMMI for a binary target: the average of verified estimates, weighted by rows."""

from tidegate import estimation


def impute(job, sites):
    target = job.targets[0].column
    sizes = [reply["n"] for reply in sites.each("size", target=target)]
    estimates = [reply["fit"] for reply in sites.each("fit", target=target)]
    fits = [estimation.SiteFit(n, found.beta, found.information, 0.0) for n, found in zip(sizes, estimates, strict=True)]
    fit = estimation.average_logistic(fits)
    job.record_fit(target, fit)
    for _ in job.sweeps():
        sites.central("impute", target=target, beta=fit.draw(job.rng))
        job.keep_imputation()
