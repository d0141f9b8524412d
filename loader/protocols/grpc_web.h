// SPDX-License-Identifier: Apache-2.0
// loader/protocols/grpc_web.h: gRPC for browsers (gRPC-Web), as calls of gRPC.
//
// A page can read no trailers, and some can read no bytes. So the trailers of an answer are the
// last frame of its body, marked 0x80, and in the form "-text" both bodies are base64: of each
// piece by itself, so that padding may stand between them. All else is gRPC: this is an Exchange
// around the client's, which the methods of gRPC answer as any other, also over HTTP/1.1.
//
// Belongs to the lane.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "loader/front/exchange.h"

namespace aiges {

// "application/grpc-web", "-text", and what may follow: "+proto", ";..".
bool IsGrpcWeb(std::string_view content_type);

// What browsers ask before a page of another origin calls (OPTIONS). `allowed`: of
// Access-Control-Allow-Origin; empty: that page may not.
void AnswerGrpcWebOptions(Exchange* exchange, std::string_view allowed);

// `begin` answers the call as gRPC; nothing where it has answered already.
using GrpcBegin = std::function<std::unique_ptr<Responder>(std::shared_ptr<Exchange>)>;
std::unique_ptr<Responder> BeginGrpcWeb(std::shared_ptr<Exchange> exchange,
                                        std::string_view allowed, const GrpcBegin& begin);

// Base64 that comes in pieces, of which each may end with padding and be cut anywhere.
class Base64Reader {
 public:
  // Appends what is whole. False: it is no base64.
  bool Read(std::string_view piece, std::string* out);
  // In the middle of four characters.
  bool within() const { return !group_.empty(); }

 private:
  std::string group_;
};

}  // namespace aiges
