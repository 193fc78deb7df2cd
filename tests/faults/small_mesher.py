"""The mesher's worker, its thumbnail small: drawing one takes far longer than all else that a cell does."""

from services.mesher import outputs
from services.mesher.tasks import mesher
from services.mesher.thumbnail import thumbnail_png
from shared.worker.lifecycle import main

outputs._WRITERS["thumbnail.png"] = lambda meshed, _: thumbnail_png(meshed.organs, size=32)

if __name__ == "__main__":
    main(mesher)
