"""Retouch operations, one file each, found through the entry-point group retouch.operations."""
