"""The scripted stand-in for the upstream: as strict as the real API, and able to fail in every way it can."""
