// SPDX-License-Identifier: Apache-2.0
// Whatever body comes as multipart/form-data: `<Content-Type>\n<body>`. Parts lie in the body, in
// order, and what is wrong can be told.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "loader/front/json_string.h"
#include "loader/protocols/multipart.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace aiges;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const size_t line = std::min(text.find('\n'), text.size());
  const Bytes body = Bytes::Own(text.substr(std::min(line + 1, text.size())));
  std::vector<FormPart> parts;
  const Status status = ParseForm(std::string_view(text).substr(0, line), body, &parts);
  if (!status.ok()) {
    if (status.kind != StatusKind::kInvalid || !IsUtf8(status.text)) std::abort();
    return 0;
  }
  const char* end = body.data();
  for (const FormPart& part : parts) {
    const bool inside =
        part.data.data() >= end && part.data.data() + part.data.size() <= body.data() + body.size();
    if (!inside || part.name.empty() || part.name.find('\n') != std::string::npos) std::abort();
    end = part.data.data() + part.data.size();
  }
  return 0;
}
