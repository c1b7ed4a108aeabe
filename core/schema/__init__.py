"""The whole schema: every model in one import, and the command that brings a database up to date."""
