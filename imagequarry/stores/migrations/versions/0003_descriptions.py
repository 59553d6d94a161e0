"""What pictures say: files that stay where they lie, captions, objects, words to search in, and vectors."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_BEGINNING = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "image_files",
        sa.Column("image_id", sa.String(128), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("path_key", sa.String(64), nullable=False),
        sa.Column("beginning", _BEGINNING, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("modified_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("image_id", name="pk_image_files"),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], ondelete="CASCADE", name="fk_image_files_image_id"),
    )
    op.create_index("ix_image_files_path_key", "image_files", ["path_key"], unique=True)
    op.create_index("ix_image_files_beginning", "image_files", ["beginning"])
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
        op.execute("DROP TABLE description_beginnings")
    op.drop_table("vectors")
    op.drop_table("image_objects")
    op.drop_table("descriptions")
    op.drop_table("image_files")


def _make_words_sqlite() -> None:
    """Two full text indices over the table's own columns, kept by triggers, so that cascades reach them too.

    One knows words by their stems, the other as they are: the beginning of a word is seldom that of its stem.
    """
    columns = "filename, caption, objects"
    tokens = "unicode61 remove_diacritics 2"
    indices = {"description_words": f"porter {tokens}", "description_beginnings": tokens}
    for index, tokenizer in indices.items():
        prefixes = ", prefix='2 3'" if index == "description_beginnings" else ""
        op.execute(
            f"CREATE VIRTUAL TABLE {index} USING fts5({columns}, content='descriptions', content_rowid='number',"
            f" tokenize='{tokenizer}'{prefixes})"
        )
    new = "".join(
        f"INSERT INTO {index}(rowid, {columns}) VALUES (new.number, new.filename, new.caption, new.objects);"
        for index in indices
    )
    old = "".join(
        f"INSERT INTO {index}({index}, rowid, {columns})"
        " VALUES ('delete', old.number, old.filename, old.caption, old.objects);"
        for index in indices
    )
    op.execute(f"CREATE TRIGGER descriptions_added AFTER INSERT ON descriptions BEGIN {new} END")
    op.execute(f"CREATE TRIGGER descriptions_removed AFTER DELETE ON descriptions BEGIN {old} END")
    op.execute(f"CREATE TRIGGER descriptions_changed AFTER UPDATE ON descriptions BEGIN {old} {new} END")


def _make_words_postgresql() -> None:
    """The words of the three columns, by their stems and as they are, in a column that keeps itself.

    As in SQLite's index, Latin letters lose their accents and punctuation only parts words: PostgreSQL would take
    "cat/dog" for the path of a file.
    """
    accents = r"regexp_replace(normalize({}, NFD), '([A-Za-z])[\u0300-\u036f]+', '\1', 'g')"
    plain = r"regexp_replace(normalize(" + accents + r", NFC), '[!-/:-@[-`{{-~]+', ' ', 'g')"
    name = "filename"
    said = plain.format("caption || ' ' || objects")
    # Raw, because a colon begins a parameter elsewhere.
    op.get_bind().exec_driver_sql(
        "ALTER TABLE descriptions ADD COLUMN words tsvector NOT NULL GENERATED ALWAYS AS ("
        f"setweight(to_tsvector('english', {name}) || to_tsvector('simple', {name}), 'A')"
        f" || setweight(to_tsvector('english', {said}) || to_tsvector('simple', {said}), 'B')) STORED"
    )
    op.execute("CREATE INDEX descriptions_words ON descriptions USING gin (words)")
