"""A sample source of reviews: the server of a review app, and the source that reads it."""
