"""The Django project around the domain: settings, sign-in, health, event stream, and the one-command stack."""
