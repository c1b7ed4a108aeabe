"""E-mail about the way of an order, and e-mail that opens an order to its shopper."""
