"""The yardstick: how well a model and the operations do what they are asked."""
