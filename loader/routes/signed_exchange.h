// SPDX-License-Identifier: Apache-2.0
// loader/routes/signed_exchange.h: requests that a signature came with (access/signature.h), as who
// answers them sees them. Belongs to the lane.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "loader/base/status.h"
#include "loader/front/exchange.h"

namespace aiges {

using BeginExchange = std::function<std::unique_ptr<Responder>(std::shared_ptr<Exchange>)>;

// The same exchange without what the URL form has put into the query: nobody behind it sees that.
std::shared_ptr<Exchange> WithoutSignatureInUrl(std::shared_ptr<Exchange> exchange);

// Not ok: `head` says that there is no body, and the digest is that of another one.
Status CheckDigestOfNone(const RequestHead& head, std::string_view digest);
// Begins the exchange by `begin`, and tells it that the body is whole only where the SHA-256 of the
// body is `digest`; else the request is refused, or reset where its answer has begun. Who answers a
// body as it comes has seen it by then.
std::unique_ptr<Responder> BeginDigested(std::shared_ptr<Exchange> exchange, std::string digest,
                                         const BeginExchange& begin);

}  // namespace aiges
