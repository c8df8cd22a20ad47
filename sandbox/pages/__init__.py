"""The shared look of the web pages of central and of a site: templates, a style sheet, scripts, the API reference, lines of a ledger.

It knows no job, no user and no database: `central.web` and `remote.web` build their pages on it.
"""
