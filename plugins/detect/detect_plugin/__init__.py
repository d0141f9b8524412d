# SPDX-License-Identifier: Apache-2.0
"""Detection with a choice of engines."""
