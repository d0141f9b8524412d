// SPDX-License-Identifier: Apache-2.0
#include "loader/outbound/http_loop.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <deque>
#include <map>
#include <thread>
#include <unordered_map>
#include <utility>

#include "loader/base/clock.h"
#include "loader/base/mutex.h"

namespace aiges {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kConnectLimit{2000};
// A blocking query is silent for minutes: only probes tell a quiet peer from one that is gone.
constexpr int kProbeAfterS = 5;
constexpr int kSilentForMs = 10'000;
constexpr milliseconds kIdle{60'000};

struct Transfer {
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  HttpAsk ask;
  HttpGot got;
  std::function<void(HttpGot)> done;
  char error[CURL_ERROR_SIZE] = {};
};

size_t OnBody(char* data, size_t size, size_t count, void* transfer) {
  auto* const t = static_cast<Transfer*>(transfer);
  std::string& body = t->got.body;
  if (body.size() + size * count > t->ask.most_bytes) return 0;  // Ends it with an error.
  body.append(data, size * count);
  return size * count;
}

size_t OnHeader(char* data, size_t size, size_t count, void* transfer) {
  const std::string_view line(data, size * count);
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size * count;
  std::string name = Lowered(line.substr(0, colon));
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && std::isspace(static_cast<unsigned char>(value.front()))) {
    value.remove_prefix(1);
  }
  while (!value.empty() && std::isspace(static_cast<unsigned char>(value.back()))) {
    value.remove_suffix(1);
  }
  static_cast<Transfer*>(transfer)->got.headers.emplace_back(std::move(name), value);
  return size * count;
}

int OnSocket(void*, curl_socket_t fd, curlsocktype) {
  const int silent = kSilentForMs;
  ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent, sizeof silent);
  return CURL_SOCKOPT_OK;
}

}  // namespace

std::string HttpGot::Problem() const {
  if (status == 0) return error;
  std::string begin = body.substr(0, 200);
  while (!begin.empty() && std::isspace(static_cast<unsigned char>(begin.back()))) begin.pop_back();
  return StrCat("HTTP ", status, begin.empty() ? "" : ": ", begin);
}

struct HttpLoop::Impl {
  explicit Impl(HttpLoopOptions all) : options(std::move(all)) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi = curl_multi_init();
    thread = std::thread([this] { Run(); });
  }

  ~Impl() {
    {
      MutexLock lock(mu);
      stopping = true;
    }
    curl_multi_wakeup(multi);
    thread.join();
    for (auto& [easy, transfer] : transfers) Free(*transfer);
    curl_multi_cleanup(multi);
    curl_global_cleanup();
  }

  void Run() {
    pthread_setname_np(pthread_self(), options.thread.c_str());
    while (RunPosted()) {
      RunTimers();
      int running = 0;
      curl_multi_perform(multi, &running);
      TakeFinished();
      curl_multi_poll(multi, nullptr, 0, static_cast<int>(Pause().count()), nullptr);
    }
  }

  // False: the end has come.
  bool RunPosted() {
    std::deque<std::function<void()>> work;
    {
      MutexLock lock(mu);
      if (stopping) return false;
      work.swap(posted);
    }
    for (auto& f : work) f();
    return true;
  }

  void RunTimers() {
    while (!timers.empty() && timers.begin()->first <= steady_clock::now()) {
      const std::function<void()> work = std::move(timers.begin()->second);
      timers.erase(timers.begin());
      work();
    }
  }

  milliseconds Pause() const {
    if (timers.empty()) return kIdle;
    const auto left = std::chrono::ceil<milliseconds>(timers.begin()->first - steady_clock::now());
    return std::clamp(left, milliseconds(0), kIdle);
  }

  void TakeFinished() {
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const auto found = transfers.find(message->easy_handle);
      const std::unique_ptr<Transfer> transfer = std::move(found->second);
      transfers.erase(found);
      if (message->data.result == CURLE_OK) {
        long status = 0;
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        transfer->got.status = static_cast<int>(status);
      } else {
        const char* text = transfer->error;
        transfer->got.error = *text != '\0' ? text : curl_easy_strerror(message->data.result);
      }
      Free(*transfer);
      transfer->done(std::move(transfer->got));
    }
  }

  void Free(Transfer& transfer) {
    curl_multi_remove_handle(multi, transfer.easy);
    curl_easy_cleanup(transfer.easy);
    curl_slist_free_all(transfer.headers);
  }

  void Send(HttpAsk ask, std::function<void(HttpGot)> done) {
    auto transfer = std::make_unique<Transfer>();
    transfer->ask = std::move(ask);
    transfer->done = std::move(done);
    Transfer* t = transfer.get();
    t->easy = curl_easy_init();
    const auto set = [t](auto option, auto value) { curl_easy_setopt(t->easy, option, value); };
    set(CURLOPT_URL, t->ask.url.c_str());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_NOPROXY, "*");  // The agent is near; a proxy of the environment is for the world.
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(kConnectLimit.count()));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(t->ask.limit.count()));
#if LIBCURL_VERSION_NUM >= 0x075700
    set(CURLOPT_QUICK_EXIT, 1L);  // The end of a loop does not wait for a name server.
#endif
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_TCP_KEEPIDLE, static_cast<long>(kProbeAfterS));
    set(CURLOPT_TCP_KEEPINTVL, static_cast<long>(kProbeAfterS));
    set(CURLOPT_SOCKOPTFUNCTION, OnSocket);
    set(CURLOPT_ERRORBUFFER, t->error);
    set(CURLOPT_WRITEFUNCTION, OnBody);
    set(CURLOPT_WRITEDATA, t);
    set(CURLOPT_HEADERFUNCTION, OnHeader);
    set(CURLOPT_HEADERDATA, t);
    if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
    if (!options.cert_file.empty()) set(CURLOPT_SSLCERT, options.cert_file.c_str());
    if (!options.key_file.empty()) set(CURLOPT_SSLKEY, options.key_file.c_str());
    if (t->ask.method != "GET") {
      set(CURLOPT_CUSTOMREQUEST, t->ask.method.c_str());
      set(CURLOPT_POSTFIELDSIZE, static_cast<long>(t->ask.body.size()));
      set(CURLOPT_POSTFIELDS, t->ask.body.data());
    }
    for (const auto& [name, value] : options.headers) {
      t->headers = curl_slist_append(t->headers, StrCat(name, ": ", value).c_str());
    }
    if (t->headers != nullptr) set(CURLOPT_HTTPHEADER, t->headers);
    curl_multi_add_handle(multi, t->easy);
    transfers.emplace(t->easy, std::move(transfer));
  }

  const HttpLoopOptions options;
  CURLM* multi = nullptr;
  // The loop's own.
  std::unordered_map<CURL*, std::unique_ptr<Transfer>> transfers;
  std::multimap<TimePoint, std::function<void()>> timers;

  Mutex mu;
  std::deque<std::function<void()>> posted GUARDED_BY(mu);
  bool stopping GUARDED_BY(mu) = false;
  std::thread thread;
};

HttpLoop::HttpLoop(HttpLoopOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

HttpLoop::~HttpLoop() = default;

void HttpLoop::Post(std::function<void()> work) {
  {
    MutexLock lock(impl_->mu);
    impl_->posted.push_back(std::move(work));
  }
  curl_multi_wakeup(impl_->multi);
}

void HttpLoop::Send(HttpAsk ask, std::function<void(HttpGot)> done) {
  impl_->Send(std::move(ask), std::move(done));
}

void HttpLoop::After(std::chrono::milliseconds pause, std::function<void()> work) {
  impl_->timers.emplace(steady_clock::now() + pause, std::move(work));
}

}  // namespace aiges
