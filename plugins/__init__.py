"""Platforms and sources of reviews the core may serve: a folder each, found by walking this package."""
