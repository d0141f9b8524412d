# SPDX-License-Identifier: Apache-2.0
"""The Python side of the AIGES engine host: what a ``wrapper.py`` imports.

``aiges.sdk`` declares a wrapper and tries it out without the loader, ``aiges.dto`` has the data
classes. Inside the loader the same classes come from the native module ``aiges_embed``.
"""

__version__ = "0.2.0"
EXIT_SIG = -1
