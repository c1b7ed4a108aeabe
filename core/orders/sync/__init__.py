"""Storing what a platform says about orders."""
