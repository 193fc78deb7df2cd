"""Real services, phantoms and hostile files for tests and benches."""
