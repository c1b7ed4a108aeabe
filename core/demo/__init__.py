"""The demo: sample stores, a mailbox and a desk on one bare machine. Nothing here is imported by what merchants run."""
