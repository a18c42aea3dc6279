"""The one-command run: real servers out of wheels, our own processes, started and stopped in order."""
