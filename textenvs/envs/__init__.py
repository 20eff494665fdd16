"""The families of environments. They do not import each other."""
