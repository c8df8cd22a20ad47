"""The host of a site: approvals, runs, the link to central and the local page."""
