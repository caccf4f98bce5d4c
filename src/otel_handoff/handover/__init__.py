"""What goes with a row from its hand-over to its end."""
