"""One host for each report: `declared()` is the first declaration that the guide suggests, `run()` files."""
