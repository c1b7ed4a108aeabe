"""Find anything: rows of a store by words, names, numbers and addresses, through an index of keyed 3-grams.

The index holds no text. What a row says is cut into pieces of one to three letters; each piece is kept as an HMAC
under a secret of the store alone, with the numbers of the documents that have it. The index proposes rows, and what
the row says now decides. Which rows there are, the slices say (`sources.py`).
"""
