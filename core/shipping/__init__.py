"""Shipping: when a parcel was promised, where it is, and what the shopper is told about it."""
