"""Every film of TMDB: which have to be asked for, and how their answers reach the warehouse.

What belongs here: the journal that answers are written to as they come (``journal.py``), the choice
of the films to ask for (``plan.py``), the fetching itself (``fetch.py``), and what is stored of all
that (``state.py``). What does not: how TMDB is asked (``movie_assets.tmdb``), how rows are merged
(``movie_assets.warehouse.merging``), and what makes a run of it
(``movie_assets.assets.catalogue``). Nothing here knows of Dagster.
"""
