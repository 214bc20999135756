"""The engine's process: it advances edits and hands latents over. No picture leaves it.

It runs third parties' operations, so nothing here knows the gate: what may run was admitted before
it came here, and what comes of it is decoded, checked and told by the gate's process.
"""
