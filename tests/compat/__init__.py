"""The same tests where something is older, or not there at all, and the table of where they ran."""
