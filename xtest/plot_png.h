// SPDX-License-Identifier: Apache-2.0
// xtest/plot_png.h: the resource chart of plot_file as PNG. Pure.
#pragma once

#include <string>
#include <vector>

#include "xtest/result.h"

namespace aiges {

// CPU, memory and (when there is any) GPU memory over time, one panel each.
std::string ResourcePng(const std::vector<ResourceSample>& samples);

}  // namespace aiges
