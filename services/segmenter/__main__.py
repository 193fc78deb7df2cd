"""A worker of the segmenter: `python -P -m services.segmenter`."""

from services.segmenter.tasks import segmenter
from shared.worker.lifecycle import main

if __name__ == "__main__":
    main(segmenter)
