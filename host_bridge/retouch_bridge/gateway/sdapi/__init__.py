"""A thin facade of ``/sdapi/v1`` for clients that speak to no other API.

Everything becomes an edit as any other: the gate decides what leaves.
"""
