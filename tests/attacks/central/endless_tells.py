"""Tells without ever asking, so that tells pile up in the host."""


def impute(job, sites):
    while True:
        sites.tell("tell", target=1)
