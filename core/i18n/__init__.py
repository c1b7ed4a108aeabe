"""Words, dates and money in the reader's language, and the upkeep of the catalogs in `core/locale/`."""
