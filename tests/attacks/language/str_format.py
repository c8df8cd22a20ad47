"""Has str.format read attributes, which no rewriting of the source sees (CVE-2023-41039)."""


def ask(rows, target):
    return "{0.__class__.__init__.__globals__}".format(rows)  # refused
