"""A ledger whose clock a test moves: `shared.ledger.engine.now` is compiled to a bound parameter."""
