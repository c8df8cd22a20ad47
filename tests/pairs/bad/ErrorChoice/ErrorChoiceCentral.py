"""Asks again and again."""

from tidegate import Refused


def impute(job, sites):
    target = job.targets[0].column
    for number in range(40):
        try:
            sites.sum("moments", target=target, value=number / 100)
        except Refused as refusal:
            if refusal.code == "rule.refusal_budget":
                raise
    job.keep_imputation()
