"""Training of the embedded model (retouch-mini): data, autoencoder, network, variants, export."""
