// SPDX-License-Identifier: Apache-2.0
// loader/protocols/handle.h: session handles in the layout that XSF clients take apart.
//
// 26 characters: version "0", IPv4 as 8 hex digits, port as 4, 13 of random bits. Clients send the
// next packet of a session to the address they read out of it. Who knows a handle may read and end
// its session, so it cannot be guessed; that two of 2^52 are equal is left to Sessions::Open, which
// refuses a handle that is in use.
#pragma once

#include <cstdint>
#include <string>

namespace aiges {

class HandleMaker {
 public:
  // host: the bound address; for "every interface" the first address that others can reach.
  HandleMaker(const std::string& host, uint16_t port);

  std::string Make() const;                                // Thread-safe.
  const std::string& address() const { return address_; }  // "ip:port"

 private:
  std::string address_;
  uint32_t ip_ = 0;  // Host order.
  uint16_t port_;
};

// A UUID that cannot be guessed (version 4, RFC 4122 section 4.4). Thread-safe.
std::string RandomUuid();

}  // namespace aiges
