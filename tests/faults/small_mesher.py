"""The mesher's worker, its thumbnail small: drawing one takes far longer than all else that a cell does."""

from services.mesher import outputs
from services.mesher.tasks import app
from services.mesher.thumbnail import thumbnail_png

__all__ = ["app"]

outputs._WRITERS["thumbnail.png"] = lambda meshed, _: thumbnail_png(meshed.organs, size=32)
