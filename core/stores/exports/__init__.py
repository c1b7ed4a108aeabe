"""Exports of lists that somebody asked for, kept sealed for a day."""
