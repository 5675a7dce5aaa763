"""What everything else stands on: reading and writing files."""
