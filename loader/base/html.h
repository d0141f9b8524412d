// SPDX-License-Identifier: Apache-2.0
// loader/base/html.h: text of others inside HTML. A pure function; thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace aiges {

// For text and attributes of HTML.
std::string EscapedHtml(std::string_view text);

}  // namespace aiges
