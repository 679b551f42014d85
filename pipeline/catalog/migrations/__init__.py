"""The catalog's schema versions, run by Alembic."""
