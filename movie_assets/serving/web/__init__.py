"""The web page: pages made on the server, a style sheet, and as little script as it takes.

What belongs here: addresses, templates, static files, and how things are told to people. What does
not: finding and ranking films (``published``), reading exports (``imports``), and everything that
happens to a request on its way (``api``).

The API's app includes :data:`router`, mounts :data:`static_app` at :data:`STATIC_PATH`, shows
:func:`home` at ``/`` and :func:`error_page` where a browser asked, and puts the snapshot that a
request is answered from at ``request.state.published``. Its ``app.state.searching`` and ``working``
do work on few threads.
"""

from movie_assets.serving.web.rendering import STATIC_PATH, error_page, static_app
from movie_assets.serving.web.routes import home, router

__all__ = ["STATIC_PATH", "error_page", "home", "router", "static_app"]
