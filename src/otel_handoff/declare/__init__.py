"""What a user declares and sets."""
