"""Groups are stars: whoever is in one is like its representative, and nobody is in two."""

from __future__ import annotations

import random

import numpy as np
import pytest

from imagequarry.capabilities.duplicates.grouping import Pictures, grouped, quality
from imagequarry.capabilities.duplicates.hashing import AGREEING_BITS, distances
from imagequarry.capabilities.duplicates.matches import Group, Groups
from imagequarry.capabilities.duplicates.pairs import similarity
from imagequarry.domain.records import StoredImage
from imagequarry.errors import InvalidInput
from tests.capabilities.duplicates.samples import angles, clustered, hashes, pictures, record


def library(count: int, seed: int = 0) -> Pictures:
    """Pictures of a few sizes, ages and lengths, some of them copies of the file before."""
    rng = random.Random(seed)
    images: list[StoredImage] = []
    vectors, words = clustered(count, 96, seed=seed), hashes(count, seed)
    for row in range(count):
        if row and rng.random() < 0.08:
            before = images[-1]
            digest, size, size_bytes = before.digest, (before.width, before.height), before.size_bytes
            vectors[row], words[row] = vectors[row - 1], words[row - 1]
        else:
            digest, size, size_bytes = f"{row}", (rng.choice((100, 200)), 100), rng.choice((1000, 2000, 3000))
        made = record(f"p{row:05}", f"{row}", size, size_bytes, rng.randrange(9))
        images.append(
            made
            if digest == f"{row}"
            else StoredImage(made.id, digest, made.filename, "JPEG", *size, size_bytes, created_at=made.created_at)
        )
    return Pictures(images, vectors, words)


def check_stars(found: Groups, among: Pictures, threshold: float) -> None:
    """What is true of all groups, recomputed from the pictures."""
    at = {image.id: row for row, image in enumerate(among.images)}
    seen: set[str] = set()
    for group in found.groups:
        ids = [group.representative, *(member.image_id for member in group.members)]
        assert len(ids) > 1
        assert seen.isdisjoint(ids)
        seen.update(ids)
        centre = at[group.representative]
        for member in group.members:
            row = at[member.image_id]
            agreeing = bool(distances(among.hashes[centre], among.hashes[row]) <= AGREEING_BITS)
            alike = float(similarity(among.vectors[centre].astype(float) @ among.vectors[row], agreeing))
            if among.images[row].digest == among.images[centre].digest:
                assert (member.tier, member.score) == ("identical", 1.0)
            else:
                assert member.tier == ("re-encoded" if agreeing else "similar")
                assert member.score == pytest.approx(alike, abs=3e-6)
            assert member.score >= threshold
        assert [m.score for m in group.members] == sorted((m.score for m in group.members), reverse=True)
    assert found.total_images == len(among)
    assert found.duplicates == len(seen) - len(found.groups)


@pytest.mark.parametrize("keep_first", [True, False])
@pytest.mark.parametrize("threshold", [0.0, 0.6, 0.85, 0.95, 1.0])
def test_every_member_is_like_its_representative_and_in_one_group_only(threshold: float, keep_first: bool) -> None:
    among = library(1200)
    found = grouped(among, threshold, keep_first)
    check_stars(found, among, threshold)
    assert found.groups


def test_whoever_is_left_over_is_like_no_representative() -> None:
    among = library(600)
    found = grouped(among, 0.9)
    at = {image.id: row for row, image in enumerate(among.images)}
    members = {member.image_id for group in found.groups for member in group.members}
    chosen = [at[group.representative] for group in found.groups]
    left = [row for id, row in at.items() if id not in members and row not in chosen]
    agreeing = distances(among.hashes[left][:, None], among.hashes[chosen][None]) <= AGREEING_BITS
    assert similarity(among.vectors[left] @ among.vectors[chosen].T, agreeing).max() < 0.9
    assert left


def test_a_chain_is_not_a_group() -> None:
    # Each is 15 degrees (0.966) from the next; 30 degrees (0.866) is too far.
    ids = ["a", "b", "c", "d", "e"]
    found = grouped(pictures([record(id) for id in ids], angles(0, 15, 30, 45, 60)), 0.95)
    check_stars(found, pictures([record(id) for id in ids], angles(0, 15, 30, 45, 60)), 0.95)
    assert [(group.representative, [m.image_id for m in group.members]) for group in found.groups] == [
        ("b", ["a", "c"]),
        ("d", ["e"]),
    ]


def test_the_middle_of_three_represents_the_two_ends() -> None:
    found = grouped(pictures([record("a"), record("b"), record("c")], angles(0, 15, 30)), 0.95)
    assert found.groups == (Group("b", found.groups[0].members),)
    assert {m.image_id for m in found.groups[0].members} == {"a", "c"}


def test_a_member_belongs_to_the_representative_it_is_most_like_unless_that_is_worse_and_the_best_are_kept() -> None:
    # "m" lies 9 degrees from "a", whom four more are like, and 5 from "z", which nobody else is like.
    images = [record("a"), *(record(f"b{n}") for n in range(4)), record("m"), record("z")]
    among = pictures(images, angles(0, -9, -9, -9, -9, 9, 14))
    threshold = float(np.cos(np.radians(9.5)))
    found = {g.representative: {m.image_id for m in g.members} for g in grouped(among, threshold).groups}
    assert found == {"a": {"b0", "b1", "b2", "b3"}, "z": {"m"}}
    kept = {g.representative: {m.image_id for m in g.members} for g in grouped(among, threshold, False).groups}
    assert kept == {"a": {"b0", "b1", "b2", "b3", "m"}}


@pytest.mark.parametrize("keep_first", [True, False])
@pytest.mark.parametrize("most", [10_000_000, 50])
def test_the_order_of_the_pictures_makes_no_difference(keep_first: bool, most: int) -> None:
    among = library(700, seed=4)
    expected = grouped(among, 0.9, keep_first, most)
    assert len(expected.groups) > 20
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(among))
        shuffled = Pictures([among.images[row] for row in order], among.vectors[order], among.hashes[order])
        assert grouped(shuffled, 0.9, keep_first, most) == expected


def test_of_equals_the_one_with_more_pixels_then_more_bytes_then_the_older_then_the_smaller_id_represents() -> None:
    def representative(*images: StoredImage) -> str:
        return grouped(pictures(list(images), angles(*[0] * len(images))), 0.95).groups[0].representative

    plain = record("b")
    assert representative(plain, record("z", size=(101, 100), size_bytes=1)) == "z"
    assert representative(plain, record("z", size_bytes=1001)) == "z"
    assert representative(plain, record("z", age_days=1)) == "z"
    assert representative(plain, record("a")) == "a"


def test_keeping_the_first_keeps_the_middle_and_else_the_best() -> None:
    # The end with the most pixels is like the middle only.
    images = [record("middle"), record("large", size=(300, 300)), record("small", size=(50, 50))]
    among = pictures(images, angles(15, 0, 30))
    (first,) = grouped(among, 0.95, keep_first=True).groups
    assert first.representative == "middle"
    (best,) = grouped(among, 0.95, keep_first=False).groups
    assert (best.representative, [m.image_id for m in best.members]) == ("large", ["middle"])


@pytest.mark.parametrize("most", [10_000_000, 50])
def test_without_keeping_the_first_nobody_gives_way_to_a_worse_one(most: int) -> None:
    among = library(900, seed=2)
    by_id = {image.id: image for image in among.images}
    found = grouped(among, 0.85, keep_first=False, most=most)
    assert sum(len(group.members) for group in found.groups) > 200
    for group in found.groups:
        best = quality(by_id[group.representative])
        assert all(best < quality(by_id[member.image_id]) for member in group.members)


def scored(found: Groups) -> dict[tuple[str, str], float]:
    """The score of each member of each group; products of other shapes differ in the last place, and so does it."""
    return {(group.representative, member.image_id): member.score for group in found.groups for member in group.members}


def test_more_pairs_than_can_be_listed_give_the_groups_that_the_list_would_give() -> None:
    among = library(1500, seed=1)
    listed = grouped(among, 0.9, keep_first=False)
    computed = grouped(among, 0.9, keep_first=False, most=100)
    assert scored(computed) == pytest.approx(scored(listed), abs=2e-6)
    flood = grouped(among, 0.9, keep_first=True, most=100)
    check_stars(flood, among, 0.9)


def test_a_flood_of_one_picture_saved_many_times_is_one_group() -> None:
    count = 3000
    vectors = np.repeat(clustered(1, 128), count, axis=0)
    found = grouped(pictures([record(f"{row}") for row in range(count)], vectors), 0.98, most=100_000)
    assert [len(group.members) for group in found.groups] == [count - 1]


def test_copies_of_a_file_are_identical_also_without_vectors_and_at_any_threshold() -> None:
    images = [record("a", "one"), record("b", "one", age_days=3), record("c", "two"), record("d", "two"), record("e")]
    among = pictures(images, np.zeros((5, 8), dtype=np.float32))
    for most in (10_000, 0):
        groups = grouped(among, 1.0, most=most).groups
        assert [(g.representative, [(m.image_id, m.score, m.tier) for m in g.members]) for g in groups] == [
            ("b", [("a", 1.0, "identical")]),
            ("c", [("d", 1.0, "identical")]),
        ]


def test_a_copy_without_a_vector_goes_with_the_one_that_has_it() -> None:
    vectors = angles(0, 0, 10)
    vectors[0] = 0
    among = pictures([record("a", "one"), record("b", "one"), record("c")], vectors)
    (group,) = grouped(among, 0.95).groups
    assert (group.representative, [m.tier for m in group.members]) == ("a", ["identical", "similar"])


def test_hashes_without_vectors_make_nobody_a_duplicate() -> None:
    words = hashes(1, kinds=1).repeat(4, axis=0) | np.uint64(1)
    among = pictures([record(f"{row}") for row in range(4)], np.zeros((4, 8), dtype=np.float32), words)
    assert grouped(among, 0.0).groups == ()


def test_numbers_that_are_none_make_nobody_a_duplicate() -> None:
    vectors = clustered(2500, 200)
    vectors[::5] = np.nan
    vectors[1, 3] = np.inf
    among = pictures([record(f"{row:04}") for row in range(2500)], vectors)
    found = grouped(among, 0.9)
    ids = {member.image_id for group in found.groups for member in group.members}
    assert len(ids) > 100
    assert not any(int(id) % 5 == 0 or int(id) == 1 for id in ids)


def test_pictures_too_plain_for_a_hash_are_grouped_by_their_vectors() -> None:
    among = pictures([record("white"), record("also white"), record("black")], angles(0, 2, 60))
    (group,) = grouped(among, 0.95).groups
    assert {group.representative, *(m.image_id for m in group.members)} == {"white", "also white"}
    assert group.members[0].tier == "similar"


@pytest.mark.parametrize("threshold", [-0.01, 1.01, float("nan"), float("inf"), -float("inf")])
def test_a_threshold_outside_0_to_1_is_refused(threshold: float) -> None:
    with pytest.raises(InvalidInput, match="from 0 to 1"):
        grouped(pictures([record("a")], angles(0)), threshold)


def test_none_and_one_are_no_group() -> None:
    assert grouped(pictures([], angles()[:0].reshape(0, 8)), 0.5) == Groups(0, ())
    assert grouped(pictures([record("a")], angles(0)), 0.0) == Groups(1, ())


def test_at_one_only_equals_are_found_and_at_zero_all_that_do_not_point_away() -> None:
    among = pictures([record("a"), record("b"), record("c"), record("d")], angles(0, 0, 60, 170))
    assert [len(group.members) for group in grouped(among, 1.0).groups] == [1]
    (group,) = grouped(among, 0.0).groups
    assert (group.representative, len(group.members)) == ("a", 2)
