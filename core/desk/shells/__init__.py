"""How a request to the desk says who asks, in our own window and inside a platform's admin."""
