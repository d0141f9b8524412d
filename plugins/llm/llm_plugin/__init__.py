# SPDX-License-Identifier: Apache-2.0
"""Chat and completions with a GGUF model, run by llama.cpp through xllamacpp."""
