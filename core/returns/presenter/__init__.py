"""Presenter."""
