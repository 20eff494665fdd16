"""Rows to learn from, as files hold them: read and checked, cleaned, and mixed; without torch."""
