# SPDX-License-Identifier: Apache-2.0
"""Hooks for tasks of OpenAI's API, for contracts that have them: ``tasks`` and ``typed``."""
