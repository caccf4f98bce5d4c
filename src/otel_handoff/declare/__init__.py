"""What a user says: settings, and what of a declaration can work."""
