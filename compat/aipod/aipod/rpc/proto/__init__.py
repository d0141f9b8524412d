# SPDX-License-Identifier: Apache-2.0
"""The messages and the service, made when they are imported: for any protobuf from 3.20 on."""
