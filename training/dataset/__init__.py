"""Cases: sources, preparation, synthetic cases, augmentation and batches."""
