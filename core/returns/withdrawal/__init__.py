"""Withdrawal."""
