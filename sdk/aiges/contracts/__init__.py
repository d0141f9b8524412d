# SPDX-License-Identifier: Apache-2.0
"""How user code may be written, beside wrapper.py: one module for each, with the hooks of one.

The loader names the contract in ``AIGES_CONTRACT`` and the user's code in ``AIGES_APP``; the worker
imports ``aiges.contracts.<name>`` in place of ``wrapper``. A contract is pure Python, and reaches
the host by its hooks and :mod:`aiges.contracts._doors` alone.
"""
