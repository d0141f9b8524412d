// SPDX-License-Identifier: Apache-2.0
#include "loader/registry/make.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "loader/base/fd.h"
#include "loader/registry/consul.h"
#include "loader/registry/folder.h"
#include "loader/registry/none.h"

namespace aiges {
namespace {

std::string Text(const sockaddr* address) {
  char text[NI_MAXHOST] = {};
  const socklen_t size =
      address->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  return ::getnameinfo(address, size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0 ? text
                                                                                          : "";
}

bool IsLoopback(const std::string& address) {
  return address.empty() || address.rfind("127.", 0) == 0 || address == "::1";
}

// The host of "scheme://host:port/...".
std::string HostOf(const std::string& url) {
  const size_t scheme = url.find("://");
  std::string host = scheme == std::string::npos ? url : url.substr(scheme + 3);
  host = host.substr(0, host.find('/'));
  if (!host.empty() && host.front() == '[') return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.rfind(':'));
}

// Connecting a datagram socket sends nothing; it only chooses the way.
std::string LeavingAddress(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), "8500", &hints, &found) != 0) return "";
  std::string result;
  for (const addrinfo* i = found; i != nullptr && result.empty(); i = i->ai_next) {
    const Fd socket(::socket(i->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage own{};
    socklen_t size = sizeof own;
    if (::connect(socket.get(), i->ai_addr, i->ai_addrlen) == 0 &&
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own), &size) == 0) {
      result = Text(reinterpret_cast<const sockaddr*>(&own));
    }
  }
  ::freeaddrinfo(found);
  return result;
}

std::string FirstAddress() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return "";
  std::string result;
  for (const ifaddrs* i = list; i != nullptr && result.empty(); i = i->ifa_next) {
    if (i->ifa_addr == nullptr || i->ifa_addr->sa_family != AF_INET) continue;
    if ((i->ifa_flags & IFF_UP) == 0 || (i->ifa_flags & IFF_LOOPBACK) != 0) continue;
    result = Text(i->ifa_addr);
  }
  ::freeifaddrs(list);
  return result;
}

}  // namespace

std::unique_ptr<Registry> MakeRegistry(const RegistrySettings& settings,
                                       const std::string& service) {
  if (settings.backend == "consul") return std::make_unique<Consul>(settings, service);
  if (settings.backend == "file") return std::make_unique<FolderRegistry>(settings, service);
  return std::make_unique<NoRegistry>();
}

std::string ReachableAddress(const std::string& bound, const std::string& url) {
  if (!bound.empty() && bound != "0.0.0.0" && bound != "::") return bound;
  std::string address = LeavingAddress(HostOf(url));
  if (IsLoopback(address)) address = FirstAddress();
  return address.empty() ? "127.0.0.1" : address;
}

}  // namespace aiges
