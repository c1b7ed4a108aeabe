"""The ways that lead a shopper to an order: number and e-mail, and signing in at the platform."""
