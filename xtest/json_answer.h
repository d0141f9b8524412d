// SPDX-License-Identifier: Apache-2.0
// xtest/json_answer.h: what a JSON envelope of the server says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "xtest/call.h"

namespace aiges {

struct JsonAnswer {
  int code = 0;
  std::string text, sid;
  int status = 0;      // 0 begin, 1 continue, 2 end, 3 whole.
  uint32_t items = 0;  // Payloads.

  bool over() const { return code != 0 || status == 2 || status == 3; }
};

// `results`: payloads are added; null: they are only counted. `coded`: text is in base64, too (the
// WebSocket does that). False: it is no envelope.
bool ReadEnvelope(std::string_view body, bool coded, JsonAnswer* out,
                  std::vector<ResultItem>* results);

}  // namespace aiges
