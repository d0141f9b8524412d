// SPDX-License-Identifier: Apache-2.0
// Whatever bytes come over an HTTP/2 connection behind the preface: see front_echo.h.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "loader/front/h2_connection.h"
#include "tests/fuzz/front_echo.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using aiges::H2Connection;
  static const std::string kPreface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  void (*const leave)(H2Connection&) = [](H2Connection& connection) { connection.GoAway(); };
  aiges::Drive<H2Connection>(kPreface, input, size % 3 == 0 ? leave : nullptr);
  return 0;
}
