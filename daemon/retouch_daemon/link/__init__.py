"""What the front and a worker say to each other, over a socket that only they have."""
