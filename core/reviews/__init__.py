"""Reviews as the stores have them, and the merchants' answers."""
