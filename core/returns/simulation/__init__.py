"""A candidate policy run over past orders and returns."""
