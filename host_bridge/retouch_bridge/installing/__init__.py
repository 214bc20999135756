"""`retouch install` and the lines of `retouch doctor` about hosts."""
