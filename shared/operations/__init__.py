"""What an operator runs: migrations, backup, rebuild, generated docs."""
