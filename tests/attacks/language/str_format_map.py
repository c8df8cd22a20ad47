"""As str_format, through format_map."""


def ask(rows, target):
    return "{rows.__class__}".format_map({"rows": rows})  # refused
