"""Plain data, and what is done with data alone: what was submitted, what disagreed, what could not be judged."""
