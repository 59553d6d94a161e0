"""Pictures, the segmentations made of them, and their masks."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "images",
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("filename", sa.String(255), nullable=False),
        sa.Column("format", sa.String(16), nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_images"),
    )
    op.create_index("ix_images_digest", "images", ["digest"])
    op.create_index("ix_images_created_at", "images", ["created_at"])
    op.create_table(
        "segmentations",
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("image_id", sa.String(128)),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("operation", sa.String(16), nullable=False),
        sa.Column("model", sa.String(128), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_segmentations"),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], ondelete="CASCADE", name="fk_segmentations_image_id"),
    )
    op.create_index("ix_segmentations_image_id_created_at", "segmentations", ["image_id", "created_at"])
    op.create_table(
        "masks",
        sa.Column("segmentation_id", sa.String(128), nullable=False),
        sa.Column("position", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("counts", sa.LargeBinary, nullable=False),
        sa.Column("area", sa.Integer, nullable=False),
        sa.Column("x", sa.Integer, nullable=False),
        sa.Column("y", sa.Integer, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("predicted_iou", sa.Float, nullable=False),
        sa.Column("stability_score", sa.Float, nullable=False),
        sa.Column("point_x", sa.Float, nullable=False),
        sa.Column("point_y", sa.Float, nullable=False),
        sa.Column("crop_x", sa.Float, nullable=False),
        sa.Column("crop_y", sa.Float, nullable=False),
        sa.Column("crop_width", sa.Float, nullable=False),
        sa.Column("crop_height", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("segmentation_id", "position", name="pk_masks"),
        sa.ForeignKeyConstraint(
            ["segmentation_id"], ["segmentations.id"], ondelete="CASCADE", name="fk_masks_segmentation_id"
        ),
    )


def downgrade() -> None:
    op.drop_table("masks")
    op.drop_table("segmentations")
    op.drop_table("images")
