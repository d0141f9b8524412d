# SPDX-License-Identifier: Apache-2.0
"""Speech to text with Whisper, run by faster-whisper."""
