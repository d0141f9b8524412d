// SPDX-License-Identifier: Apache-2.0
#include "xtest/probe.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>

#include "loader/base/fd.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr int kWaitMs = 3000;

// 0, or the errno of why not.
int Connect(const addrinfo& at) {
  const Fd fd(::socket(at.ai_family, at.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return errno;
  if (::connect(fd.get(), at.ai_addr, at.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd ready{fd.get(), POLLOUT, 0};
  if (::poll(&ready, 1, kWaitMs) <= 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

// Empty: somebody is there.
std::string WhyNot(const std::string& host) {
  const size_t colon = host.rfind(':');
  std::string name = host.substr(0, colon);
  const std::string port = colon == std::string::npos ? "" : host.substr(colon + 1);
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') {
    name = name.substr(1, name.size() - 2);
  }
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int wrong = ::getaddrinfo(name.c_str(), port.c_str(), &wanted, &found);
  if (wrong != 0) return ::gai_strerror(wrong);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
  std::string why = "it has no address";
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    const int error = Connect(*at);
    if (error == 0) return "";
    why = ErrnoText(error);
  }
  return why;
}

}  // namespace

Status FindAnybody(const std::vector<std::string>& hosts) {
  std::string all;
  for (const std::string& host : hosts) {
    const std::string why = WhyNot(host);
    if (why.empty()) return Status::Ok();
    StrAppend(&all, all.empty() ? "" : ", ", host, " (", why, ")");
  }
  return Status::Error(StatusKind::kDisconnected,
                       StrCat("expected a server at ", all, ", found none: nothing was sent"));
}

}  // namespace aiges
