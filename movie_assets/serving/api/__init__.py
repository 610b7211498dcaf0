"""The HTTP API: routes, what stands in front of them, and the change to a new snapshot.

What can be asked of a snapshot, without HTTP, is ``serving.published``'s; HTML pages are
``serving.web``'s; reading exports is ``serving.imports``'. The process that serves is
``movie_assets.serve``'s.
"""

from movie_assets.serving.api.app import create_app
from movie_assets.serving.api.options import ServingSettings

__all__ = ["ServingSettings", "create_app"]
