"""What is edited: a picture, what to change about it, and where it is known the exact answer."""
