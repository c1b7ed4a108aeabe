"""Sample platforms beside `core.platform.sample`: what only some platforms have."""
