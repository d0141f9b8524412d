// SPDX-License-Identifier: Apache-2.0
// Whatever body comes as gRPC-Web, over HTTP/1.1: see front_echo.h. Of the first byte: 1 the form
// of text, 2 a unary call, 4 packed answers. Also base64 in pieces: read alike however it is cut.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "loader/base/strings.h"
#include "loader/front/h1_connection.h"
#include "loader/protocols/grpc_web.h"
#include "tests/fuzz/front_echo.h"

namespace {

class WebHandler final : public aiges::EchoHandler {
 public:
  using EchoHandler::EchoHandler;
  std::unique_ptr<aiges::Responder> Begin(std::shared_ptr<aiges::Exchange> exchange) override {
    if (!aiges::IsGrpcWeb(exchange->head().fields.Find("content-type"))) {
      return EchoHandler::Begin(std::move(exchange));
    }
    return aiges::BeginGrpcWeb(std::move(exchange), "*",
                               [this](auto call) { return EchoHandler::Begin(std::move(call)); });
  }
};

// What the pieces of `size` mean; "-" behind it where one of them is no base64.
std::string Decoded(std::string_view text, size_t size) {
  aiges::Base64Reader reader;
  std::string out;
  while (!text.empty()) {
    if (!reader.Read(text.substr(0, size), &out)) return "-";
    text.remove_prefix(std::min(size, text.size()));
  }
  return out + (reader.within() ? "+" : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = Decoded(body, size);
  aiges::Check(whole == Decoded(body, 1));
  aiges::Check(whole == Decoded(body, 7));
  size_t length = body.size();
  for (size_t at = 0; (at = body.find("\xff\xfe", at)) != body.npos; at += 2) length -= 2;
  const std::string head =
      aiges::StrCat("POST ", (data[0] & 2) != 0 ? "/gu" : "/g", (data[0] & 4) != 0 ? "p" : "",
                    " HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc-web",
                    (data[0] & 1) != 0 ? "-text" : "", "\r\nContent-Length: ", length, "\r\n\r\n");
  aiges::Drive<aiges::H1Connection, WebHandler>(head, body, nullptr);
  return 0;
}
