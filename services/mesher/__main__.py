"""A worker of the mesher: `python -P -m services.mesher`."""

from services.mesher.tasks import mesher
from shared.worker.lifecycle import main

if __name__ == "__main__":
    main(mesher)
