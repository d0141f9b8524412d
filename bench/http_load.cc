// SPDX-License-Identifier: Apache-2.0
// Closed loop over HTTP/1.1: one keep-alive connection per call in flight, non-blocking sockets,
// one epoll thread.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load.h"

namespace bench {
namespace {

std::string Base64(const std::string& data) {
  std::string coded((data.size() + 2) / 3 * 4 + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(coded.data()),
                                reinterpret_cast<const unsigned char*>(data.data()),
                                static_cast<int>(data.size()));
  coded.resize(static_cast<size_t>(n));
  return coded;
}

std::string Payload(const Plan& plan) { return std::string(static_cast<size_t>(plan.bytes), 'x'); }

std::string BuildRequest(const Plan& plan) {
  std::string body = Payload(plan);
  std::string path = "/v1/raw/" + plan.service + "?key=data&type=text";
  std::string type = "text/plain";
  if (plan.protocol == "json") {
    body = R"({"header":{"appid":"bench","status":3},"parameter":{")" + plan.service +
           R"(":{"data":{"encoding":"utf8","data_type":"text"}}},"payload":{"data":)" +
           R"({"encoding":"utf8","status":3,"text":")" + Base64(body) + R"("}}})";
    path = "/v1/private/" + plan.service;
    type = "application/json";
  }
  return "POST " + path + " HTTP/1.1\r\nHost: " + plan.address + "\r\nContent-Type: " + type +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

struct Answer {
  size_t length = 0;  // Head and body; 0 while it is not whole.
  bool ok = false;    // Status 200.
  std::string_view body;
};

// Throws on what is no HTTP answer with a Content-Length.
Answer ParseAnswer(const std::string& in) {
  const size_t head = in.find("\r\n\r\n");
  if (head == std::string::npos) return {};
  constexpr std::string_view kLength = "\r\ncontent-length:";
  size_t at = in.find("\r\n");
  while (at < head && ::strncasecmp(in.data() + at, kLength.data(), kLength.size()) != 0) {
    at = in.find("\r\n", at + 2);
  }
  if (in.compare(0, 9, "HTTP/1.1 ") != 0 || at >= head) {
    throw std::runtime_error("expected an HTTP/1.1 answer with Content-Length, got: " +
                             in.substr(0, 200));
  }
  const size_t size = std::strtoul(in.c_str() + at + kLength.size(), nullptr, 10);
  if (in.size() - head - 4 < size) return {};
  return {head + 4 + size, in.compare(9, 4, "200 ") == 0,
          std::string_view(in).substr(head + 4, size)};
}

// What is wrong with the body of an answer; empty when it is the echo that was asked for.
std::string Fault(std::string_view body, const Plan& plan) {
  const std::string payload = Payload(plan);
  if (plan.protocol == "raw") {
    if (body == payload) return {};
    return "expected the " + std::to_string(payload.size()) + " bytes sent, got " +
           std::to_string(body.size()) + " bytes";
  }
  if (body.find("\"code\":0") != body.npos && body.find('"' + payload + '"') != body.npos) {
    return {};
  }
  return "expected code 0 and the text sent, got: " + std::string(body.substr(0, 200));
}

struct Connection {
  int fd = -1;
  size_t sent = 0;
  std::string in;
  Clock::time_point start;
};

int Connect(const std::string& address) {
  const size_t colon = address.rfind(':');
  sockaddr_in target{};
  target.sin_family = AF_INET;
  if (colon == std::string::npos ||
      ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &target.sin_addr) != 1) {
    throw std::runtime_error("expected an address like 127.0.0.1:1888, got " + address);
  }
  target.sin_port = htons(static_cast<uint16_t>(std::atoi(address.c_str() + colon + 1)));
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&target), sizeof target) != 0) {
    throw std::runtime_error("cannot connect to " + address + ": " + std::strerror(errno));
  }
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

class Loop {
 public:
  Loop(const Plan& plan, Recorder* recorder)
      : plan_(plan), recorder_(recorder), request_(BuildRequest(plan)) {}

  ~Loop() {
    for (const Connection& c : connections_) ::close(c.fd);
    ::close(epoll_);
  }

  void Run() {
    for (Connection& c : connections_) {
      c.fd = Connect(plan_.address);
      epoll_event event{};
      // Edge-triggered for both directions: no epoll_ctl per call.
      event.events = EPOLLIN | EPOLLOUT | EPOLLET;
      event.data.ptr = &c;
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event);
    }
    for (Connection& c : connections_) Start(c);
    running_ = connections_.size();
    std::vector<epoll_event> events(256);
    const int silence_ms = static_cast<int>(std::chrono::milliseconds(kSilence).count());
    while (running_ > 0) {
      const int n =
          ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), silence_ms);
      if (n == 0) throw std::runtime_error("no answer from " + plan_.address + " for too long");
      for (int i = 0; i < n; ++i) {
        const epoll_event& event = events[static_cast<size_t>(i)];
        auto& c = *static_cast<Connection*>(event.data.ptr);
        if ((event.events & EPOLLOUT) != 0) Send(c);
        if ((event.events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) Receive(c);
      }
    }
  }

 private:
  void Start(Connection& c) {
    c.start = Clock::now();
    c.sent = 0;
    Send(c);
  }

  void Send(Connection& c) {
    while (c.sent < request_.size()) {
      const ssize_t n =
          ::send(c.fd, request_.data() + c.sent, request_.size() - c.sent, MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return;  // EPOLLOUT brings us back.
      if (n < 0) {
        throw std::runtime_error("the connection broke while sending: " +
                                 std::string(std::strerror(errno)));
      }
      c.sent += static_cast<size_t>(n);
    }
  }

  // Reads until the socket is empty, as edge-triggered events ask for.
  void Receive(Connection& c) {
    for (;;) {
      const ssize_t n = ::recv(c.fd, room_.data(), room_.size(), 0);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) break;
      if (n <= 0) {
        throw std::runtime_error("expected an answer on a keep-alive connection, but the server " +
                                 ("closed it; errors before: " + recorder_->first_error()));
      }
      c.in.append(room_.data(), static_cast<size_t>(n));
      if (static_cast<size_t>(n) < room_.size()) break;
    }
    const Answer answer = ParseAnswer(c.in);
    if (answer.length != 0) Finished(c, answer);
  }

  void Finished(Connection& c, const Answer& answer) {
    const auto now = Clock::now();
    std::string fault;
    if (!answer.ok) {
      fault = c.in.substr(0, 300);
    } else if (plan_.check && IsSample(answers_)) {
      fault = Fault(answer.body, plan_);
    }
    ++answers_;
    c.in.erase(0, answer.length);
    if (fault.empty()) {
      recorder_->Add(c.start, now);
    } else {
      recorder_->AddError(fault);
    }
    const bool hopeless = recorder_->errors() > 1000;
    if (hopeless || recorder_->Over(now)) {
      --running_;
    } else {
      Start(c);
    }
  }

  const Plan& plan_;
  Recorder* recorder_;
  const std::string request_;
  const int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<Connection> connections_ =
      std::vector<Connection>(static_cast<size_t>(plan_.in_flight));
  std::vector<char> room_ = std::vector<char>(1 << 18);
  size_t running_ = 0;
  uint64_t answers_ = 0;
};

}  // namespace

void RunHttp(const Plan& plan, Recorder* recorder) { Loop(plan, recorder).Run(); }

}  // namespace bench
