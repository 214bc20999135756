"""The curves: one knob of an operation turned, and what that does to the results."""
