"""The front: sockets, identity, queue and journal. It never imports torch, and always answers."""
