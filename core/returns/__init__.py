"""Returns: what may come back and why not, what the shopper gets for it, and when it is paid."""
