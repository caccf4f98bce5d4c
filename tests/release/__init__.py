"""What is released, built and tried as a user would: `make package`."""
