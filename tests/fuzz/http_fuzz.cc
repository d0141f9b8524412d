// SPDX-License-Identifier: Apache-2.0
// Whatever bytes come over an HTTP connection, through the real server and its routes: each answer
// is well-formed, begins where the one before it ends, and the connection ends with the client's.
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "loader/base/strings.h"
#include "tests/fuzz/http_exchange.h"

namespace {

constexpr std::string_view kBegin = "HTTP/1.1 ";
constexpr std::string_view kHttp2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

void Fail(const char* what, std::string_view answers) {
  std::fprintf(stderr, "fuzz: %s in:\n%.*s\n", what, static_cast<int>(answers.size()),
               answers.data());
  std::abort();
}

// The header's value, or nothing where there is none. Names are as the server writes them.
std::string_view Header(std::string_view head, const std::string& name) {
  const std::string line = "\r\n" + name + ": ";
  const size_t at = head.find(line);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = head.substr(at + line.size());
  return rest.substr(0, rest.find("\r\n"));
}

// What is behind a chunked body, or nothing where it has been cut off.
std::string_view SkipChunks(std::string_view rest) {
  for (;;) {
    const size_t line = rest.find("\r\n");
    if (line == std::string_view::npos) return {};
    const std::string digits(rest.substr(0, line));
    char* end = nullptr;
    const size_t size = std::strtoul(digits.c_str(), &end, 16);
    if (digits.empty() || *end != '\0') Fail("no size of a chunk", rest);
    rest.remove_prefix(line + 2);
    if (rest.size() < size + 2) return {};
    if (rest.substr(size, 2) != "\r\n") Fail("no end of a chunk", rest);
    rest.remove_prefix(size + 2);
    if (size == 0) return rest;
  }
}

// The answers behind the first one.
std::string_view SkipOne(std::string_view rest) {
  const size_t end = rest.find("\r\n\r\n");
  if (end == std::string_view::npos) return {};  // Cut off.
  const std::string_view head = rest.substr(0, end);
  for (const char c : head.substr(kBegin.size(), 3)) {
    if (std::isdigit(static_cast<unsigned char>(c)) == 0) Fail("no status", rest);
  }
  const std::string status(head.substr(kBegin.size(), 3));
  rest.remove_prefix(end + 4);
  if (status == "101") return {};  // What follows is a WebSocket.
  if (status == "100") return rest;
  if (Header(head, "Transfer-Encoding") == "chunked") return SkipChunks(rest);
  const std::string length(Header(head, "Content-Length"));
  if (length.empty() && Header(head, "Connection") == "close") return {};  // Up to the end.
  if (length.empty()) Fail("neither length nor chunks", head);
  if (rest.substr(0, kBegin.size()) == kBegin) return rest;  // The answer to a HEAD.
  const size_t size = std::strtoul(length.c_str(), nullptr, 10);
  return rest.size() < size ? std::string_view() : rest.substr(size);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (std::string_view(reinterpret_cast<const char*>(data), size).starts_with(kHttp2)) return 0;
  const std::string answers = aiges::HttpExchange({reinterpret_cast<const char*>(data), size});
  std::string_view rest = answers;
  while (!rest.empty()) {
    if (rest.substr(0, kBegin.size()) != kBegin.substr(0, rest.size())) {
      Fail("bytes between answers", rest);
    }
    rest = SkipOne(rest);
  }
  return 0;
}
