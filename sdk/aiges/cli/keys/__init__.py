# SPDX-License-Identifier: Apache-2.0
"""``asectl keys``: the file of who may call ([access] keys_file)."""
