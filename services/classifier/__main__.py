"""A worker of the classifier: `python -P -m services.classifier`."""

from services.classifier.tasks import classifier
from shared.worker.lifecycle import main

if __name__ == "__main__":
    main(classifier)
