// loader/ingress/handle.h: session handles in the layout that XSF clients take apart.
//
// 26 characters: version "0", IPv4 as 8 hex digits, port as 4, a counter as 6, seconds since start
// as 7. Clients send the next packet of a session to the address they read out of it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

namespace aiges {

class HandleMaker {
 public:
  // host: the bound address; for "every interface" the first address that others can reach.
  HandleMaker(const std::string& host, uint16_t port);

  std::string Make();                                     // Thread-safe.
  const std::string& address() const { return address_; }  // "ip:port"

 private:
  std::string address_;
  uint32_t ip_ = 0;  // Host order.
  uint16_t port_;
  std::atomic<uint32_t> counter_{0};
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// A random UUID (version 4, RFC 4122 section 4.4). Thread-safe.
std::string RandomUuid();

}  // namespace aiges
