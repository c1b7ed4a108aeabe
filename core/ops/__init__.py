"""For whoever runs an installation: commands, `doctor`, and `trace`."""
