"""The process that runs a stage: queue, claim, heartbeat, publish."""
