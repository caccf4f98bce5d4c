"""What is written down of a mismatch: facts, names, words."""
