"""Messages about an order: the notice, its envelope, and sending it once."""
