"""Formats with %, which calls repr and can do no more; the text is no answer."""


def ask(rows, target):
    return {"moments": "%r %s" % (rows, target)}
