# SPDX-License-Identifier: Apache-2.0
"""Text recognition with a choice of engines (not to be confused with the OpenMMLab package)."""
