"""Constants shared by wrappers and tools."""
