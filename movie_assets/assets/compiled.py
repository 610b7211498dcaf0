"""The files of what numba compiles, for code versions: to import them would load numba."""

from pathlib import Path

from movie_assets import recommender

_ROOM = Path(recommender.__file__).parent

#: What finds each film's neighbours.
KERNEL = (_ROOM / "top_k.py", _ROOM / "inverted.py")
#: What finds the best by content and signals together.
BLENDING = (_ROOM / "blending.py",)
#: What updates lists after some films changed.
UPDATES = (_ROOM / "kept.py",)
#: What finds the reasons of many pairs.
REASONS = (_ROOM / "shared.py",)
#: What finds films for somebody.
VOTES = (_ROOM / "votes.py",)
#: What counts what is liked after what.
TRANSITIONS = (_ROOM / "transition_counts.py",)
#: What finds the films that the same people like.
CO_LIKE_SEARCH = (*KERNEL, _ROOM / "co_like_search.py")
