// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/http_exchange.h: the HTTP front as a client meets it, for fuzzers.
//
// The real server on a port of loopback, its routes, pages, events and WebSockets; behind it an
// engine that answers with its input. A payload that begins with "late" is answered from another
// thread, one with "fail" by an error that repeats the rest.
#pragma once

#include <string>
#include <string_view>

namespace aiges {

// All that the server sends to a client that sends these bytes and then no more. Ends the program
// when the server does not close the connection. The server starts with the first call and stays.
std::string HttpExchange(std::string_view bytes);

}  // namespace aiges
