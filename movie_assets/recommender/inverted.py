"""The candidates in the order in which the kernel reads them: tiles, and in each an inverted index.

Tiles hold the most promising candidates first where these have a prior. Within a tile candidates of
one code stand together, so that most blocks have one factor for a row and can be judged by it.

What belongs here: how candidates are laid out. What does not: how they are searched (``top_k``).
Importing this module loads numba.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import numba
import numpy as np

from movie_assets.recommender.threads import in_threads, processors

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

    from movie_assets.recommender.scoring import ScoringTask

#: Candidates a tile: their scores, 128 KiB, fit into a core's own cache beside what is read. At
#: most 2**16, for postings are of 16 bits.
TILE = 32_768
#: Candidates a block, the least that is skipped.
BLOCK = 128

#: A term that one in so many of a tile's candidates has is kept as a weight for each of them: then
#: it is added by vector instructions, and adding 0 changes no sum.
_DENSE = 8
#: Of row codes, which can be thousands. Neighbouring codes are alike where they are numbered by
#: year, so that little is lost by taking some of them together.
_GROUPS = 512
#: Of a tile: its ends are of 32 bits, which makes the table of tiles x terms half as large.
_MOST_WEIGHTS = 2**32 - 1

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function, fastmath: frozenset[str] = frozenset()) -> _Function:
    """Compile at the first call, for good where there is a folder to keep the result in.

    Args:
        function: to be compiled.
        fastmath: LLVM's flags of what may be done to sums and products for speed.
    """
    # As NumPy divides: a check for zeros would hinder vectors.
    compiler = partial(numba.njit, nogil=True, error_model="numpy", fastmath=set(fastmath))
    try:
        made = compiler(function, cache=True)
    except RuntimeError:  # no folder: neither here nor in the user's cache
        made = compiler(function)
    return cast("_Function", made)


class Index(NamedTuple):
    """The candidates that can have a score: each tile's lists, and what else counts of each."""

    tile: int  # candidates a tile, but for the last
    begins: NDArray[np.uint64]  # (n_tiles,): where a tile's lists begin
    ends: NDArray[np.uint32]  # (n_tiles, n_terms + 1), from there: term t has ends[tile, t:t+2]
    postings: NDArray[np.uint16]  # the candidate's place in its tile; unused in dense lists
    weights: NDArray[np.float32]
    bounds: NDArray[np.float64]  # (n_tiles,): the length of its longest candidate
    candidates: NDArray[np.int32]  # (n,): who stands at a place
    codes: NDArray[np.int32]  # (n,)
    block_factors: NDArray[np.float32]  # (n_groups, n_blocks): of row codes, the largest


def inverted_index(
    task: ScoringTask, tile: int = TILE, asking: NDArray[np.int32] | None = None
) -> Index:
    """Lay out a task's candidates; those without any weight are left out.

    Args:
        task: what to score; its rows do not count.
        tile: candidates a tile, at most 65,536.
        asking: the row codes for which the index is good; None for all that there are.

    Raises:
        ValueError: where a tile has more than 4,294,967,295 weights.
    """
    arrays = csr(task.candidates)
    lengths = lengths_of(arrays[0], arrays[2])
    order = _order(task, lengths, tile)
    tiles = range(0, len(order), tile)
    ends = np.zeros((len(tiles), task.candidates.shape[1] + 1), np.uint32)
    sizes = np.zeros(len(tiles), np.int64)

    def find_ends(start: int) -> int:
        number = start // tile
        sizes[number] = _find_ends(*arrays[:2], order[start : start + tile], ends[number])
        return tile

    in_threads(find_ends, tiles, processors(), len(order), None)
    if sizes.max(initial=0) > _MOST_WEIGHTS:
        raise ValueError(f"{tile} candidates have too many weights for one tile: {sizes.max()}")
    begins = np.cumsum(sizes) - sizes
    postings, weights = np.zeros(sizes.sum(), np.uint16), np.zeros(sizes.sum(), np.float32)

    def fill_lists(start: int) -> int:
        number = start // tile
        part = slice(begins[number], begins[number] + sizes[number])
        lists = ends[number], postings[part], weights[part]
        _fill_lists(*arrays, order[start : start + tile], *lists)
        return tile

    in_threads(fill_lists, tiles, processors(), len(order), None)
    codes = task.candidate_codes[order]
    return Index(
        tile=tile,
        begins=read_only(begins.astype(np.uint64)),
        ends=read_only(ends),
        postings=read_only(postings),
        weights=read_only(weights),
        bounds=read_only(np.array([lengths[order[i : i + tile]].max() for i in tiles], float)),
        candidates=read_only(order.astype(np.int32)),
        codes=read_only(codes),
        block_factors=read_only(_block_factors(task.factors, codes, tile, asking)),
    )


def _order(task: ScoringTask, lengths: NDArray[np.float64], tile: int) -> NDArray[np.int64]:
    order = np.flatnonzero(lengths > 0)  # the others have no score with anybody
    if task.has_prior:
        order = order[np.argsort(-lengths[order], kind="stable")]
    if task.factors.shape[1] > 1:
        order = order[np.lexsort((task.candidate_codes[order], np.arange(len(order)) // tile))]
    return order


def _block_factors(
    factors: NDArray[np.float32],
    codes: NDArray[np.int32],
    tile: int,
    asking: NDArray[np.int32] | None,
) -> NDArray[np.float32]:
    """The largest factor of each group of row codes with the candidates of each block."""
    a_group = codes_a_group(factors)
    n_groups = -(-len(factors) // a_group)
    places = np.arange(len(codes))
    blocks = places // tile * -(-tile // BLOCK) + places % tile // BLOCK
    # Codes stand together: one candidate of each in a block will do.
    first = np.flatnonzero(np.diff(codes, prepend=-1) | np.diff(blocks, prepend=-1))
    codes, places = codes[first], blocks[first]
    largest = np.zeros((n_groups, blocks[-1] + 1 if len(blocks) else 0), np.float32)
    asked = np.arange(n_groups)
    if asking is not None:
        asked = np.flatnonzero(np.bincount(asking // a_group, minlength=n_groups))

    def fill(place: int) -> int:
        group = asked[place]
        of_group = factors[group * a_group : (group + 1) * a_group].max(axis=0)
        _fill_largest(of_group, codes, places, largest[group])
        return 1

    in_threads(fill, range(len(asked)), processors(), len(asked), None)
    return largest


def codes_a_group(factors: NDArray[np.float32]) -> int:
    """How many row codes, each next to the other, are judged by one factor a block."""
    return -(-len(factors) // _GROUPS)


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """The array as numba is to see it: of those that may be written to it compiles anew."""
    view = array.view()
    view.flags.writeable = False
    return view


def csr(matrix: sparse.csr_matrix) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Where rows begin (int64), columns (int32) and weights, all read-only."""
    return (
        read_only(matrix.indptr.astype(np.int64)),
        read_only(matrix.indices.astype(np.int32, copy=False)),
        read_only(matrix.data),
    )


# From here on compiled.


@compiled
def lengths_of(indptr: NDArray[np.int64], weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """The Euclidean length of each row."""
    lengths = np.zeros(len(indptr) - 1)
    for row in range(len(lengths)):
        for entry in range(indptr[row], indptr[row + 1]):
            lengths[row] += np.float64(weights[entry]) ** 2
    return np.sqrt(lengths)


@compiled
def _find_ends(
    indptr: NDArray[np.int64],
    terms: NDArray[np.int32],
    order: NDArray[np.int64],
    ends: NDArray[np.uint32],
) -> np.int64:
    """Where each term's list ends in a tile of some candidates; how many weights it has."""
    width = len(order)
    for place in range(width):
        for entry in range(indptr[order[place]], indptr[order[place] + 1]):
            ends[terms[entry] + 1] += np.uint32(1)
    total = np.int64(0)
    for term in range(len(ends) - 1):
        size = np.int64(ends[term + 1])
        # A list as long as its tile is wide is dense.
        total += width if size * _DENSE >= width else size
        ends[term + 1] = total
    return total


@compiled
def _fill_lists(
    indptr: NDArray[np.int64],
    terms: NDArray[np.int32],
    weights: NDArray[np.float32],
    order: NDArray[np.int64],
    ends: NDArray[np.uint32],
    postings: NDArray[np.uint16],
    list_weights: NDArray[np.float32],
) -> None:
    """Postings and weights of a tile's lists."""
    width = len(order)
    filled = ends[:-1].copy()
    for place in range(width):
        for entry in range(indptr[order[place]], indptr[order[place] + 1]):
            term = terms[entry]
            begin = np.int64(ends[term])
            if np.int64(ends[term + 1]) - begin == width:
                list_weights[begin + place] = weights[entry]
            else:
                at = np.int64(filled[term])
                postings[at] = place
                list_weights[at] = weights[entry]
                filled[term] += np.uint32(1)


@compiled
def _fill_largest(
    factors: NDArray[np.float32],
    codes: NDArray[np.int32],
    blocks: NDArray[np.int64],
    largest: NDArray[np.float32],
) -> None:
    """Fill what is the largest factor of each block, of pairs of code and block."""
    for pair in range(len(codes)):
        factor = factors[codes[pair]]
        largest[blocks[pair]] = max(largest[blocks[pair]], factor)
