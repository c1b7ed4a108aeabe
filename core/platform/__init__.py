"""The contract with plugins: what a platform must answer, and the frozen values passed. No Flask, no SQLAlchemy."""
