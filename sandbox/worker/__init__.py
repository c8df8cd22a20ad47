"""Our code inside the untrusted child: source rules, runner, estimation."""
