"""Stores and their staff: installation, roles, settings, audit log, throttles and signed tokens."""
