# SPDX-License-Identifier: Apache-2.0
"""``asectl entitlement``: signed files of what a service may be used for ([entitlement])."""
