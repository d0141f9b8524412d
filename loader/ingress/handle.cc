#include "loader/ingress/handle.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <cstdio>
#include <random>

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

std::string HandleMaker::Make() {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
                           std::chrono::steady_clock::now() - start_)
                           .count();
  std::string text("0");
  text.reserve(26);
  AppendHex(&text, ip_, 8);
  AppendHex(&text, port_, 4);
  AppendHex(&text, counter_.fetch_add(1, std::memory_order_relaxed), 6);
  AppendHex(&text, static_cast<uint64_t>(seconds), 7);
  return text;
}

std::string RandomUuid() {
  thread_local std::mt19937_64 random(std::random_device{}());
  const uint64_t a = (random() & ~uint64_t{0xf000}) | 0x4000;
  const uint64_t b = (random() & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
  char text[37];
  std::snprintf(text, sizeof text, "%08x-%04x-%04x-%04x-%012llx", static_cast<unsigned>(a >> 32),
                static_cast<unsigned>(a >> 16) & 0xffffu, static_cast<unsigned>(a) & 0xffffu,
                static_cast<unsigned>(b >> 48), static_cast<unsigned long long>(b & 0xffffffffffff));
  return text;
}

}  // namespace aiges
