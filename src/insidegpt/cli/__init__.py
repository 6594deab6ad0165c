"""The console program, a command a room."""
