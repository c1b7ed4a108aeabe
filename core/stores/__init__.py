"""The merchant's side of the counter: stores, their staff, who may do what, and what is kept of whom."""
