"""The outside world as plain values. No Django here; one folder for each vendor."""
