"""Commands of the config centre."""
