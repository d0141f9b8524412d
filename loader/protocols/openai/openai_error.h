// SPDX-License-Identifier: Apache-2.0
// loader/protocols/openai/openai_error.h: errors as clients of OpenAI's API read them.
//
//   {"error": {"message": "..", "type": "invalid_request_error", "param": "messages", "code":
//   null}}
// `param` is what the message begins with, where that is "<param>: expected ..". Pure functions;
// thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "loader/base/status.h"
#include "loader/front/http_types.h"

namespace aiges {

// The object {"error": ..}.
std::string WriteOpenAiError(const Status& status);

// With Retry-After where it helps to come again.
HttpResponse OpenAiRefusal(const Status& status);
// An HttpRefusal (http_exchange.h); `code` 0: nothing more is said than `http_status` says.
HttpResponse OpenAiRefusal(int http_status, std::string_view text, int code = 0);

}  // namespace aiges
