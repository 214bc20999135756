"""Models: checkpoints and adapters, how they are found, verified, loaded and kept."""
