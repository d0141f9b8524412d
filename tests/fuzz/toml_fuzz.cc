// SPDX-License-Identifier: Apache-2.0
// Any text as aiges.toml: values, or lines that say what is wrong.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "loader/config/toml_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace aiges;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const size_t middle = text.find('\0');
  TomlFile file("fuzz.toml", text.substr(0, middle),
                middle == std::string::npos ? "" : text.substr(middle + 1));
  int64_t number = 0;
  bool flag = false;
  std::string value;
  std::vector<std::string> list;
  for (const char* key : {"a", "b", "port", "host"}) {
    file.Int("svcName", key, 0, 65535, &number);
    file.Bool("svcName", key, &flag);
    file.String("svcName", key, &value);
    file.Strings("svcName", key, &list);
    file.Origin("svcName", key);
  }
  file.HasSection("svcName");
  file.Flatten("wrapper");
  file.FlattenAll();
  file.Unread("svcName");
  return 0;
}
