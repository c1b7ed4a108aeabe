"""The database: base class, transactions of one store, and the hand-written paths of the busiest statements."""
