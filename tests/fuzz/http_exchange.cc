// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/http_exchange.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "loader/base/fd.h"
#include "loader/pages/status_page.h"
#include "loader/routes/front_server.h"
#include "tests/fakes/fake_models.h"
#include "tests/fakes/heap_buffers.h"

namespace aiges {
namespace {

constexpr int kPatienceS = 10;
constexpr int kLateMs = 5;
constexpr const char* kSchema = R"({
  "meta": {"version": "v1", "serviceId": "svc", "route": "/v1/ocr",
           "svc": {"input": {"img": {"dataType": "image"}, "txt": {"dataType": "text"}},
                   "accept": {"img": {"dataType": "image"}}}},
  "schemainput": {"type": "object", "properties": {
    "header": {"type": "object", "properties": {"appid": {"type": "string", "maxLength": 50}}},
    "parameter": {"type": "object", "properties": {"svc": {"type": "object", "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 9}, "img": {"type": "object"},
        "txt": {"type": "object"}}}}},
    "payload": {"type": "object", "properties": {
        "img": {"type": "object", "properties": {"image": {"type": "string"}}},
        "txt": {"type": "object"}}}}}})";

// Runs what it is given, in order, on a thread of its own, as the hub does.
class Hub {
 public:
  Hub() : thread_([this] { Work(); }) {}
  ~Hub() {
    Post(nullptr);
    thread_.join();
  }

  void Post(std::function<void()> work) {
    const std::lock_guard lock(mu_);
    work_.push_back(std::move(work));
    more_.notify_one();
  }

 private:
  void Work() {
    std::unique_lock lock(mu_);
    for (;;) {
      more_.wait(lock, [this] { return !work_.empty(); });
      const std::function<void()> work = std::move(work_.front());
      work_.pop_front();
      if (work == nullptr) return;
      lock.unlock();
      work();
      lock.lock();
    }
  }

  std::mutex mu_;
  std::condition_variable more_;
  std::deque<std::function<void()>> work_;  // With mu_.
  std::thread thread_;
};

bool BeginsWith(const std::vector<Payload>& payloads, std::string_view word) {
  return !payloads.empty() && payloads.front().data.view().substr(0, word.size()) == word;
}

Status Failure(const std::vector<Payload>& payloads) {
  if (!BeginsWith(payloads, "fail")) return Status::Ok();
  return Status::Error(StatusKind::kInternal, std::string(payloads.front().data.view().substr(4)));
}

class EchoService : public Service {
 public:
  explicit EchoService(Hub* hub) : hub_(*hub) {}

  CallId Submit(Request request, std::unique_ptr<ReplySink> sink) override {
    Reply reply;
    reply.status = Failure(request.payloads);
    const bool late = BeginsWith(request.payloads, "late");
    if (reply.status.ok()) reply.payloads = std::move(request.payloads);
    if (!late) {
      sink->Done(std::move(reply));
      return 0;
    }
    const std::lock_guard lock(mu_);
    const CallId id = next_ += 2;  // Sessions have the even numbers.
    waiting_[id] = std::move(sink);
    hub_.Post([this, id, reply = std::make_shared<Reply>(std::move(reply))] {
      if (auto taken = Take(id)) taken->Done(std::move(*reply));
    });
    return id;
  }
  void Flush() override {}
  void Abort(CallId id) override {
    Reply reply;
    reply.status = Status::Error(StatusKind::kCancelled, "aborted");
    if (auto sink = Take(id)) sink->Done(std::move(reply));
  }
  void SendPart(CallId, Payload) override {}
  void TookPart(CallId, uint64_t) override {}
  bool Ready() const override { return true; }
  LoadReport Load() const override { return {}; }

 private:
  std::unique_ptr<ReplySink> Take(CallId id) {
    const std::lock_guard lock(mu_);
    const auto found = waiting_.find(id);
    if (found == waiting_.end()) return nullptr;
    std::unique_ptr<ReplySink> sink = std::move(found->second);
    waiting_.erase(found);
    return sink;
  }

  Hub& hub_;
  std::mutex mu_;
  CallId next_ = 1;                                       // With mu_.
  std::map<CallId, std::unique_ptr<ReplySink>> waiting_;  // With mu_.
};

// Each write comes back as one batch; a session ends with the first end of a stream.
class EchoSessions : public Sessions {
 public:
  explicit EchoSessions(Hub* hub) : hub_(*hub) {}

  Status Open(SessionRequest, SessionId* id) override {
    const std::lock_guard lock(mu_);
    *id = next_ += 2;
    sessions_[*id] = {};
    return Status::Ok();
  }
  Status Write(SessionId id, int, std::vector<Payload> payloads,
               std::function<void()> taken) override {
    const bool late = BeginsWith(payloads, "late");
    {
      const std::lock_guard lock(mu_);
      const auto found = sessions_.find(id);
      if (found == sessions_.end()) return Over();
      for (const Payload& p : payloads) found->second.last |= p.status >= DataStatus::kEnd;
      found->second.failure = Failure(payloads);
      found->second.batches.push_back(std::move(payloads));
    }
    Later(late, [this, id, taken = std::move(taken)] {
      if (taken) taken();
      Answer(id);
    });
    return Status::Ok();
  }
  void Poll(SessionId id, size_t, TimePoint, std::unique_ptr<OutputSink> sink) override {
    std::unique_ptr<OutputSink> before;
    bool known = false;
    {
      const std::lock_guard lock(mu_);
      const auto found = sessions_.find(id);
      known = found != sessions_.end();
      if (known) before = std::exchange(found->second.sink, std::move(sink));
    }
    if (before != nullptr) before->Done({});
    if (!known) return sink->Done({Over(), {}, false});
    Answer(id);
  }
  void EndPoll(SessionId id) override { Give(id, /*even_nothing=*/true); }
  void Abort(SessionId id) override {
    std::unique_ptr<OutputSink> sink;
    {
      const std::lock_guard lock(mu_);
      const auto found = sessions_.find(id);
      if (found == sessions_.end()) return;
      sink = std::move(found->second.sink);
      sessions_.erase(found);
    }
    if (sink != nullptr) sink->Done({});
  }
  Status Find(const std::string&, SessionId*) override { return Over(); }

 private:
  struct Session {
    std::vector<std::vector<Payload>> batches;
    Status failure;
    bool last = false;
    std::unique_ptr<OutputSink> sink;  // Of the Poll that waits.
  };

  static Status Over() { return Status::Error(StatusKind::kInvalid, "the session is over", 10101); }
  void Later(bool late, std::function<void()> work) {
    if (!late) return work();
    hub_.Post(std::move(work));
  }
  void Answer(SessionId id) { Give(id, /*even_nothing=*/false); }
  void Give(SessionId id, bool even_nothing) {
    std::unique_ptr<OutputSink> sink;
    SessionOutput output;
    {
      const std::lock_guard lock(mu_);
      const auto found = sessions_.find(id);
      if (found == sessions_.end() || found->second.sink == nullptr) return;
      Session& session = found->second;
      const bool nothing = session.batches.empty() && session.failure.ok();
      if (nothing && !even_nothing) return;
      sink = std::move(session.sink);
      output.status = session.failure;
      output.last = session.last && !nothing && output.status.ok();
      if (output.status.ok()) output.batches = std::exchange(session.batches, {});
      if (output.last || !output.status.ok()) sessions_.erase(found);
    }
    sink->Done(std::move(output));
  }

  Hub& hub_;
  std::mutex mu_;
  SessionId next_ = 0;                     // With mu_.
  std::map<SessionId, Session> sessions_;  // With mu_.
};

class NoResources : public Resources {
 public:
  void Load(Payload resource, std::function<void(Status, unsigned)> done) override {
    done(Status::Error(StatusKind::kInternal, resource.key, 10903), 0);
  }
  void Unload(unsigned id, std::function<void(Status)> done) override {
    done(id == 1 ? Status::Ok() : Status::Error(StatusKind::kInvalid, "no such resource", 10904));
  }
};

Settings MakeSettings() {
  Settings s;
  s.service.name = "svc";
  s.service.host = "127.0.0.1";
  s.service.http_on = false;
  s.service.header_pass = {"x-pass"};
  s.http.validate = true;
  s.limits.max_message_bytes = 100'000;
  return s;
}

class Front {
 public:
  Front()
      : settings_(MakeSettings()),
        service_(&hub_),
        sessions_(&hub_),
        server_(
            {settings_, &budget_, &buffers_, &service_, &sessions_, &resources_, &models_, &audit_},
            Actions()) {
    const Status status = server_.Start(&port_, &http_port_, &admin_port_);
    if (status.ok()) return;
    std::fprintf(stderr, "fuzz: %s\n", status.text.c_str());
    std::abort();
  }
  uint16_t port() const { return port_; }

 private:
  static PageData Page() {
    static const StageHistograms histograms;
    PageData data;
    data.service = "svc";
    data.histograms = {std::shared_ptr<void>(), &histograms};
    return data;
  }
  static FrontActions Actions() {
    FrontActions actions;
    actions.metrics = [](MetricFormat format) { return MetricsPage(Page(), format); };
    actions.status = [](const HttpRequest& request) { return StatusAnswer(request, Page); };
    actions.status_text = [] { return std::string("{}"); };
    actions.reload = [](const std::function<void(Status)>& done) { done(Status::Ok()); };
    actions.schema = [text = std::make_shared<const std::string>(kSchema)] { return text; };
    actions.doors = [text = std::make_shared<const std::string>()] { return text; };
    return actions;
  }

  const Settings settings_;
  Hub hub_;
  EchoService service_;
  EchoSessions sessions_;
  NoResources resources_;
  FakeModels models_{{std::make_shared<FakeModel>("svc", "1", "")}};
  HeapBuffers buffers_;
  Budget budget_{settings_.limits};
  AuditLog audit_;
  FrontServer server_;
  uint16_t port_ = 0, http_port_ = 0, admin_port_ = 0;
};

void Die(const char* what) {
  std::perror(what);
  std::abort();
}

// libFuzzer looks at the time by SIGALRM, which would cut system calls short. A server that hangs
// is found by kPatienceS.
bool BlockAlarm() {
  sigset_t alarm;
  ::sigemptyset(&alarm);
  ::sigaddset(&alarm, SIGALRM);
  return ::pthread_sigmask(SIG_BLOCK, &alarm, nullptr) == 0;
}

Fd Connect(uint16_t port) {
  Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{kPatienceS, 0};
  ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    Die("fuzz: connect");
  }
  return client;
}

}  // namespace

std::string HttpExchange(std::string_view bytes) {
  static const bool undisturbed = BlockAlarm();
  if (!undisturbed) Die("fuzz: pthread_sigmask");
  static const auto* front = new Front;  // To the end: its threads are not for exit() to stop.
  const Fd client = Connect(front->port());
  // In two cuts, so that the gathering is exercised too. A server that has seen enough may close.
  const size_t cut = bytes.size() / 2;
  for (const std::string_view piece : {bytes.substr(0, cut), bytes.substr(cut)}) {
    if (!piece.empty() && ::send(client.get(), piece.data(), piece.size(), MSG_NOSIGNAL) < 0) break;
  }
  std::string answer;
  char room[16 * 1024];
  // A client that ends is a client that has gone: it may see no late answer.
  if (bytes.find("late") == std::string_view::npos) ::shutdown(client.get(), SHUT_WR);
  for (;;) {
    pollfd more{client.get(), POLLIN, 0};
    if (::poll(&more, 1, kLateMs) == 0) ::shutdown(client.get(), SHUT_WR);
    const ssize_t n = ::recv(client.get(), room, sizeof room, 0);
    if (n > 0) {
      answer.append(room, static_cast<size_t>(n));
    } else if (n < 0 && errno == EAGAIN) {
      Die("fuzz: the server holds the connection of a client that has ended");
    } else {
      return answer;
    }
  }
}

}  // namespace aiges
