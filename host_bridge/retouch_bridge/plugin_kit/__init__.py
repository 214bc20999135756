"""What a host's plugin needs to speak to Retouch: standard library only, Python 3.8 syntax.

``retouch install`` copies this folder into the plugins of Krita and GIMP, so its modules import
each other relatively and nothing else. The JavaScript twin is ``host_bridge/javascript_kit``.
"""
