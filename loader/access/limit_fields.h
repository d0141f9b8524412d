// SPDX-License-Identifier: Apache-2.0
// loader/access/limit_fields.h: what the limits of a caller have said of a call, as fields of heads
// and trailers.
//
// RateLimit-Policy and RateLimit as in draft-ietf-httpapi-ratelimit-headers; the x-ratelimit-*
// fields of OpenAI where its paths are asked; of what is refused Retry-After (RFC 9110), and
// RetryInfo (google.rpc) in the status of gRPC. Pure functions.
#pragma once

#include "loader/api/limit_note.h"
#include "loader/front/fields.h"

namespace aiges {

// Of an answer's head. Nothing where no limit is for the caller.
void AddLimitFields(const LimitNote::Said& said, bool openai, Fields* head);
// Of the trailers of a call of gRPC that was refused.
void AddRetryInfo(const LimitNote::Said& said, Fields* trailers);
// Whole seconds, at least one.
uint64_t RetryAfterOf(const LimitNote::Said& said);

}  // namespace aiges
