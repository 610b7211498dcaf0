"""The warehouse: declared tables in one DuckDB file, written all or nothing.

``tables.py`` declares what is stored, ``schema.py`` what a declaration means and how data is
checked against it, ``store.py`` reads and writes the file, ``io_manager.py`` is Dagster's side of
it and ``hashing.py`` names a table's content. How the rows come about is for the assets to say.
Nothing but ``io_manager.py`` imports Dagster.
"""
