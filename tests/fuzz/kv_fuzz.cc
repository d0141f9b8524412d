// SPDX-License-Identifier: Apache-2.0
// Answers of a config centre: any bytes are a tree or nothing.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "loader/registry/kv_tree.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto tree =
      aiges::ParseKvTree({reinterpret_cast<const char*>(data), size}, "aiges/p/g/s/1/");
  if (tree && tree->files.empty() != tree->revision.empty()) __builtin_trap();
  return 0;
}
