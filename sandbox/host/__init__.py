"""What both servers are made of: errors as answers, logs, database, isolation, sign-in, the ledger's views and the guards of every request.

It knows no job of central's and no run of a site's: `central` and `remote` are thin applications of it.
"""
