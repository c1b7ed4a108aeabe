"""Commands for whoever runs an installation: serve, work, migrate, `doctor`, `trace` and staff."""
