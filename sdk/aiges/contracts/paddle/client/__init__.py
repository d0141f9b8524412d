# SPDX-License-Identifier: Apache-2.0
"""Clients of the general model service: baidu_std, HTTP and gRPC."""
