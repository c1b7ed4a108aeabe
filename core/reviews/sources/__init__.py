"""Providers of reviews beside the platform: connect them, open them, and what their readings are called."""
