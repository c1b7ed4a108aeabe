"""Exporting a list as CSV: how cells are written, the job that writes the rows, its pages."""
