"""``retouch top``: a live look at a daemon, from its status alone."""
