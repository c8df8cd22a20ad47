"""The isolation report: what a worker and a gate cannot do on this machine, tried, beside a plain child that can."""
