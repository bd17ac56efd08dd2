"""Configuration: one YAML per job, and a folder per group of options."""
