"""Serving: what is published, and how it is asked for. The API's process imports this and no more.

What belongs here: the snapshot's files (``snapshot``), the search for titles (``titles``), what can
be asked of a snapshot (``published``), people's exports (``imports``), HTTP (``api``) and the web
page (``web``). What does not: Dagster, the warehouse and the assets. A server never opens the
pipeline's DuckDB file: its reader would keep the pipeline from writing.
"""
