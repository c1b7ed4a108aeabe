"""Orders, their parcels and their timeline: what every other slice reads."""
