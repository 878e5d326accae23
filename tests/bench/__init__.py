"""CPU per request of the bridge against a raw pass-through, measured in one run."""
