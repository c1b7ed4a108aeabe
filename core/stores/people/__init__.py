"""Who of a store's people is at the desk."""
