"""Stand-in for an internal package that published wrappers import."""
