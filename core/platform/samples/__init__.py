"""Sample platforms beside `core.platform.sample`, and parts of it: what only some platforms have."""
