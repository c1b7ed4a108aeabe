"""The store's return policy: its document and versions, and how it decides on a request."""
