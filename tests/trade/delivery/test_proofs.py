"""Audit paths against the root that `oceandata.storage.integrity` computes in another way."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oceandata.storage.integrity import merkle_root
from oceandata.trade.delivery.proofs import Tree, root_from_path


def _leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(bytes([0, n])).digest() for n in range(count)]


@pytest.mark.parametrize("count", range(20))
def test_the_tree_has_the_root_of_the_content_root(count):
    assert Tree(_leaves(count)).root == merkle_root(_leaves(count))


def test_published_vector():
    """Five leaves, as docs/content-root.md has them."""
    root = Tree([hashlib.sha256(bytes([0, n])).digest() for n in range(5)]).root.hex()
    assert root == "b855b42d6c30f5b087e05266783fbd6e394f7b926013ccaa67700a8b0c5a596f"


@given(st.integers(1, 130).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1))), st.data())
def test_a_path_leads_to_the_root_from_its_own_place_only(place, choose):
    size, index = place
    leaves = _leaves(size)
    tree = Tree(leaves)
    path = tree.path(index)
    assert root_from_path(leaves[index], index, size, path) == tree.root
    other = choose.draw(st.integers(0, size - 1))
    if other != index:
        assert root_from_path(leaves[index], other, size, path) != tree.root
        assert root_from_path(leaves[other], index, size, path) != tree.root
    assert root_from_path(leaves[index], index, size, [*path, leaves[0]]) != tree.root
    if path:
        assert root_from_path(leaves[index], index, size, path[:-1]) != tree.root


@pytest.mark.parametrize(("index", "size"), [(5, 5), (-1, 5), (0, 0)])
def test_a_place_outside_of_the_tree_has_no_root(index, size):
    assert root_from_path(_leaves(1)[0], index, size, []) == b""
