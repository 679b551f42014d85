"""Alembic's entry: run the migrations on the connection it is handed."""

from alembic import context

from pipeline.catalog.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=False,  # the caller's transaction covers all of it
)
context.run_migrations()
