"""The desk's settings pages."""
