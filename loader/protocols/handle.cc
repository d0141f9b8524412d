// SPDX-License-Identifier: Apache-2.0
#include "loader/protocols/handle.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <cstdio>

#include "loader/base/random.h"

namespace aiges {
namespace {

uint32_t ReachableAddress(const std::string& host) {
  in_addr address{};
  if (::inet_pton(AF_INET, host.c_str(), &address) == 1 && address.s_addr != INADDR_ANY) {
    return ntohl(address.s_addr);
  }
  if (host == "localhost") return INADDR_LOOPBACK;
  uint32_t found = INADDR_LOOPBACK;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return found;
  for (const ifaddrs* i = list; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr || i->ifa_addr->sa_family != AF_INET) continue;
    if ((i->ifa_flags & IFF_UP) == 0 || (i->ifa_flags & IFF_LOOPBACK) != 0) continue;
    found = ntohl(reinterpret_cast<const sockaddr_in*>(i->ifa_addr)->sin_addr.s_addr);
    break;
  }
  ::freeifaddrs(list);
  return found;
}

// The lowest digits of value, in hex.
void AppendHex(std::string* out, uint64_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    *out += "0123456789abcdef"[(value >> shift) & 15];
  }
}

}  // namespace

HandleMaker::HandleMaker(const std::string& host, uint16_t port)
    : ip_(ReachableAddress(host)), port_(port) {
  char text[32];
  std::snprintf(text, sizeof text, "%u.%u.%u.%u:%u", ip_ >> 24, (ip_ >> 16) & 255, (ip_ >> 8) & 255,
                ip_ & 255, static_cast<unsigned>(port));
  address_ = text;
}

std::string HandleMaker::Make() const {
  std::string text("0");
  text.reserve(26);
  AppendHex(&text, ip_, 8);
  AppendHex(&text, port_, 4);
  AppendHex(&text, RandomBits(), 13);
  return text;
}

std::string RandomUuid() {
  const uint64_t a = (RandomBits() & ~uint64_t{0xf000}) | 0x4000;
  const uint64_t b = (RandomBits() & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
  std::string text(36, '-');
  size_t digit = 0;
  for (char& c : text) {
    const auto at = static_cast<size_t>(&c - text.data());
    if (at == 8 || at == 13 || at == 18 || at == 23) continue;
    const uint64_t bits = digit < 16 ? a : b;
    c = "0123456789abcdef"[bits >> (60 - 4 * (digit % 16)) & 15];
    ++digit;
  }
  return text;
}

}  // namespace aiges
