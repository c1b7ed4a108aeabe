"""The legal withdrawal: declared, confirmed and receipted."""
