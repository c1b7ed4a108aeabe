"""Returns that the platform itself keeps, in step with ours both ways."""
