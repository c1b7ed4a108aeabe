"""Platforms the core may serve: one folder each, found by walking this package, named by nobody."""
