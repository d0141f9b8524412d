// SPDX-License-Identifier: Apache-2.0
// loader/routes/limited_exchange.h: an exchange whose answer says how much its caller has left
// ([access] limits_file), whatever protocol answers it.
//
// What is told is what the gate has noted with the origin of the request when a call or session of
// it was let in or refused; where none was, nothing is added. Of a refusal the head has Retry-After
// with the right time, and gRPC a RetryInfo. Belongs to the lane.
#pragma once

#include <memory>

#include "loader/front/exchange.h"

namespace aiges {

// Another exchange, which leads to this one. Its caller's origin has a note (Origin::limits).
std::shared_ptr<Exchange> MakeLimited(std::shared_ptr<Exchange> exchange);

}  // namespace aiges
