"""The catalogue of environments. Importing it registers every id with Gymnasium and imports no environment."""

from envs_registry.catalog import CATALOG, ENTRIES, GUESTS, Entry, register_all

__all__ = ["CATALOG", "ENTRIES", "GUESTS", "Entry", "register_all"]

register_all()
