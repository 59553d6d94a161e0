"""Alembic's entry point: runs the revisions over the connection it is handed, in the transaction open there."""

from alembic import context

from imagequarry.stores.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite alters little in place; batches rebuild the table instead.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
