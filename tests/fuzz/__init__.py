"""`check` and `report` on input that nobody meant: whatever the bytes, they keep their promises."""
