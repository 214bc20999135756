"""Documents of studios: what is read from them, and how a released patch goes into them."""
