// SPDX-License-Identifier: Apache-2.0
// The parts of an HTTP request that we take apart ourselves, from nothing else: target, escapes,
// base64.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "loader/front/base64.h"
#include "loader/front/http_types.h"
#include "tests/fakes/heap_buffers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace aiges;
  const std::string text(reinterpret_cast<const char*>(data), size);
  HttpRequest request;
  SplitTarget(text, &request);
  if (PercentDecode(text, true).size() > text.size()) std::abort();

  HeapBuffers buffers;
  if (const auto bytes = DecodeBase64(text, &buffers)) {
    std::string coded;
    AppendBase64(&coded, bytes->view());
    const auto again = DecodeBase64(coded, &buffers);
    if (!again || again->view() != bytes->view()) std::abort();
  }
  return 0;
}
