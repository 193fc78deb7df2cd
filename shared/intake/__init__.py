"""What an upload passes in every protocol before it is stored: limits, turns, room, checks of instances."""
