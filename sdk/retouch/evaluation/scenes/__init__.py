"""Procedural scenes of openly licensed drawings, with exact captions, masks and edits."""
