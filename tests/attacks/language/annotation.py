"""Runs code in an annotation; annotations are dropped before anything is compiled."""


def ask(rows: print(1), target: __import__("os").system("exit 3")) -> open("/etc/passwd").read():
    fields: [].append(1) = {"moments": rows.gram(where=rows.observed(target))}
    return fields
