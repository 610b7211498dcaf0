"""A movie recommender that runs itself: a Dagster asset graph from TMDB to recommendations.

What belongs in this package's top level is what ties the rooms together: the settings, the
definitions (the one composition root), the automation and the command line. The work itself is
done in ``tmdb``, ``warehouse`` and ``recommender``, which know nothing of each other.
"""
