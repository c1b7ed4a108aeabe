"""Requests for a return or a cancellation, from the question to the decision."""
