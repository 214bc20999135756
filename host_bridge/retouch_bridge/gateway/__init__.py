"""The HTTP gateway: Connect, WebSocket and raw blobs on loopback, for hosts that have no gRPC.

A process of its own, started by the daemon, and a client of it like any other.
"""
