"""Films by their titles: search as you type, exact look-ups, and near misses.

What belongs here: what words a title has (``words``), the index's files (``build``, ``files``),
words that are misspelled (``spelling``), which films have all words of a query (``matching``), and
in what order they are shown (``index``). What does not: HTTP, and anything of a film but its
titles, its year and how well it is known.
"""

from movie_assets.serving.titles.build import build_index
from movie_assets.serving.titles.files import TitleIndexError
from movie_assets.serving.titles.index import TitleIndex

__all__ = ["TitleIndex", "TitleIndexError", "build_index"]
