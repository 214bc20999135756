"""What host applications speak to."""
