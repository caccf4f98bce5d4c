"""Every way the hand-off of elspeth.md §1 goes wrong, forced, and what each mode makes of it."""
