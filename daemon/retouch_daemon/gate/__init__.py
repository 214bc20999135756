"""The gate's process: it admits, decodes, checks, marks, signs, and makes all image messages.

Nothing of an edit runs here: an operation's class is read, to know its texts and pictures, and its
``check`` asked; what it does to latents it does in the engine's process.
"""
