# SPDX-License-Identifier: Apache-2.0
"""What ``paddle_serving_app.reader`` holds: the steps before and after a model, as callables.

Pictures are numpy arrays (height, width, channels), as OpenCV has them: BGR of uint8 until a step
makes something else of it. Numbers are those of paddle-serving-app 0.9.0, bit by bit; what is
different on purpose is in docs/compat/paddle_reader.md. Needs numpy; OpenCV, Pillow and pyclipper
are imported by the step that uses them.
"""
