"""An order as its shopper reads it: facts, sentences, and the page's text."""
