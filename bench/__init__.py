"""Measuring the product against plain floors beside it. Everything it prints is a ratio taken in one run."""
