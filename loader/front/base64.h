// SPDX-License-Identifier: Apache-2.0
// loader/front/base64.h: standard base64 (RFC 4648 section 4) with padding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "loader/api/buffers.h"

namespace aiges {

// Line breaks are skipped, as encoders in the field write them; anything else that is not base64
// fails. The result lies in `buffers` when it is large.
std::optional<Bytes> DecodeBase64(std::string_view text, BufferPool* buffers);
// The same for a short text, in which no line may be broken.
std::optional<std::string> DecodeBase64(std::string_view text);
void AppendBase64(std::string* out, std::string_view bytes);

}  // namespace aiges
