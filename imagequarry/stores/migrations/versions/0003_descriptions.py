"""What pictures say: files that stay where they lie, captions, objects, words to search in, and vectors."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "image_files",
        sa.Column("image_id", sa.String(128), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("path_key", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("modified_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("image_id", name="pk_image_files"),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], ondelete="CASCADE", name="fk_image_files_image_id"),
    )
    op.create_index("ix_image_files_path_key", "image_files", ["path_key"], unique=True)
    op.create_table(
        "descriptions",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("image_id", sa.String(128), nullable=False),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("caption", sa.Text, nullable=False),
        sa.Column("objects", sa.Text, nullable=False),
        sa.Column("captioned_by", sa.String(128), nullable=False),
        sa.Column("tagged_by", sa.String(128), nullable=False),
        sa.Column("perceptual_hash", sa.LargeBinary),
        sa.Column("described_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_descriptions"),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], ondelete="CASCADE", name="fk_descriptions_image_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_descriptions_image_id", "descriptions", ["image_id"], unique=True)
    op.create_table(
        "image_objects",
        sa.Column("image_id", sa.String(128), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("image_id", "name", name="pk_image_objects"),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], ondelete="CASCADE", name="fk_image_objects_image_id"),
    )
    op.create_index("ix_image_objects_name", "image_objects", ["name"])
    op.create_table(
        "vectors",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("image_id", sa.String(128), nullable=False),
        sa.Column("space", sa.String(255), nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_vectors"),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], ondelete="CASCADE", name="fk_vectors_image_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_vectors_image_id_space", "vectors", ["image_id", "space"], unique=True)
    op.create_index("ix_vectors_space_number", "vectors", ["space", "number"])
    if op.get_bind().dialect.name == "sqlite":
        _make_words_sqlite()
    else:
        _make_words_postgresql()


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE description_words")
    op.drop_table("vectors")
    op.drop_table("image_objects")
    op.drop_table("descriptions")
    op.drop_table("image_files")


def _make_words_sqlite() -> None:
    """A full text index over the table's own columns; triggers keep it, so that cascades reach it too."""
    op.execute(
        "CREATE VIRTUAL TABLE description_words USING fts5(filename, caption, objects,"
        " content='descriptions', content_rowid='number', tokenize=\"porter unicode61 remove_diacritics 2\")"
    )
    new = "INSERT INTO description_words(rowid, filename, caption, objects)"
    new += " VALUES (new.number, new.filename, new.caption, new.objects);"
    old = "INSERT INTO description_words(description_words, rowid, filename, caption, objects)"
    old += " VALUES ('delete', old.number, old.filename, old.caption, old.objects);"
    op.execute(f"CREATE TRIGGER descriptions_added AFTER INSERT ON descriptions BEGIN {new} END")
    op.execute(f"CREATE TRIGGER descriptions_removed AFTER DELETE ON descriptions BEGIN {old} END")
    op.execute(f"CREATE TRIGGER descriptions_changed AFTER UPDATE ON descriptions BEGIN {old} {new} END")


def _make_words_postgresql() -> None:
    """An index over what stores/words.py asks for, word for word: else it would not be used."""
    op.execute(
        "CREATE INDEX descriptions_words ON descriptions USING gin ("
        "(to_tsvector('english', caption || ' ' || objects) || to_tsvector('simple', filename)))"
    )
