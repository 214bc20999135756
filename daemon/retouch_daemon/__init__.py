"""The daemon: many hosts, one engine, nothing lost. ``retouch serve`` starts it.

The front (this package, without ``retouch_daemon.engine`` and ``.gate``) never imports torch: it
keeps answering while models load and networks run in other processes.
"""
