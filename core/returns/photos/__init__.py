"""Photos of returns: read safely, stored, and served at signed addresses."""
