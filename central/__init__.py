"""The central host: users, sites, pairs, jobs, the hub and the pages."""
