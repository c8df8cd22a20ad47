"""Asks the same question again and again: what differs between two answers is about few rows."""


def impute(job, sites):
    while True:
        sites.sum("ask", target=1)
