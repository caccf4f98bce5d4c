"""Hand-offs that nobody declared: what goes across with them is looked at while a program runs."""
