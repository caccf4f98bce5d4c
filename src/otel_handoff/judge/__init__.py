"""What was seen against what was submitted; and what was not seen."""
