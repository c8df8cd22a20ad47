"""The shared look and the shared guards of the web pages of central and of a site.

Templates, a style sheet, three small scripts, and ASGI middleware for headers, Host and Origin. It knows no job, no user and no
database: `central.web` and `remote.web` build their pages on it.
"""
