"""The door: what a platform must answer, and the frozen values that pass through it. No Flask, no SQLAlchemy."""
