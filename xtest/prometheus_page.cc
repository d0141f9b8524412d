// SPDX-License-Identifier: Apache-2.0
#include "xtest/prometheus_page.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <utility>

#include "loader/base/strings.h"
#include "xtest/quantity.h"

namespace aiges {
namespace {

constexpr int kReadMs = 2000;  // For a reader that is slow to ask.
constexpr size_t kMostAsked = 16 << 10;

void Gauge(const char* name, const char* help, double value, std::string* out) {
  *out += StrCat("# HELP ", name, " ", help, "\n# TYPE ", name, " gauge\n", name, " ",
                 ShownNumber(std::isfinite(value) ? value : 0, 9), "\n");
}

}  // namespace

std::string PrometheusText(const Live& live, const ResourceSample& server) {
  std::string out;
  // The names are those of the old tool, which had one go routine for each call in flight.
  Gauge("Xtest_Concurrency_Go_Routine", "Calls in flight.", static_cast<double>(live.in_flight),
        &out);
  Gauge("Xtest_CPU_Percent", "CPU of the server's processes; 100 is one core.", server.cpu_percent,
        &out);
  Gauge("Xtest_MEM_Percent", "Memory of the server's processes, of all there is.",
        server.memory_percent, &out);
  Gauge("xtest_gpu_megabytes", "GPU memory of the server's processes.", server.gpu_mb, &out);
  Gauge("xtest_rate", "Calls that ended in the last second or so.", live.rate, &out);
  Gauge("xtest_latency_p50_seconds", "Of the last second or so.", live.p50_ns / 1e9, &out);
  Gauge("xtest_latency_p99_seconds", "Of the last second or so.", live.p99_ns / 1e9, &out);
  Gauge("xtest_done", "Calls that ended since the start.", static_cast<double>(live.done), &out);
  Gauge("xtest_failed", "Calls that failed since the start.", static_cast<double>(live.failed),
        &out);
  return out;
}

Status PrometheusPage::Start(int port, std::function<std::string()> text) {
  text_ = std::move(text);
  // Both families where there are both.
  listener_ = Fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const bool six = listener_.valid();
  if (!six) listener_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1, off = 0;
  ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (six) ::setsockopt(listener_.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  sockaddr_in6 any6{};
  any6.sin6_family = AF_INET6;
  any6.sin6_port = htons(static_cast<uint16_t>(port));
  sockaddr_in any4{};
  any4.sin_family = AF_INET;
  any4.sin_port = any6.sin6_port;
  const auto* address =
      six ? reinterpret_cast<const sockaddr*>(&any6) : reinterpret_cast<const sockaddr*>(&any4);
  socklen_t size = six ? sizeof any6 : sizeof any4;
  if (::bind(listener_.get(), address, size) != 0 || ::listen(listener_.get(), 16) != 0) {
    const int error = errno;
    return Status::Error(StatusKind::kInvalid,
                         StrCat("cannot listen on prometheus_port ", port, ": ", ErrnoText(error),
                                "; choose another, or set prometheus_switch = false"));
  }
  ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&any6), &size);
  port_ = ntohs(any6.sin6_port);  // At the same place in both families.
  stop_ = Fd(::eventfd(0, EFD_CLOEXEC));
  thread_ = std::thread([this] { Run(); });
  return Status::Ok();
}

PrometheusPage::~PrometheusPage() {
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(stop_.get(), &one, sizeof one);
  thread_.join();
}

void PrometheusPage::Run() {
  pollfd fds[] = {{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  for (;;) {
    if (::poll(fds, 2, -1) < 0 && errno != EINTR) return;
    if (fds[1].revents != 0) return;
    if ((fds[0].revents & POLLIN) == 0) continue;
    Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (client.valid()) Answer(client.get());
  }
}

// One request per connection; whatever was asked, this is the page.
void PrometheusPage::Answer(int fd) const {
  std::string asked;
  const auto ready = [&](short events) {
    pollfd fds[] = {{fd, events, 0}, {stop_.get(), POLLIN, 0}};
    return ::poll(fds, 2, kReadMs) > 0 && fds[1].revents == 0;
  };
  while (asked.find("\r\n\r\n") == std::string::npos && asked.size() < kMostAsked) {
    char buffer[2048];
    if (!ready(POLLIN)) return;
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) return;
    asked.append(buffer, static_cast<size_t>(n));
  }
  const std::string body = text_();
  const std::string answer = StrCat(
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: ", body.size(),
      "\r\nConnection: close\r\n\r\n", body);
  size_t sent = 0;
  while (sent < answer.size() && ready(POLLOUT)) {
    const ssize_t n = ::send(fd, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return;
    sent += static_cast<size_t>(n);
  }
}

}  // namespace aiges
