"""Local servers that answer as each platform does, for tests and for the demo."""
