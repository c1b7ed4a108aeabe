"""The schema's history. `python -m core migrate` brings any database to the newest."""
