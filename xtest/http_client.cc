// SPDX-License-Identifier: Apache-2.0
// Once calls over HTTP/1.1, as JSON envelope or raw body, and calls answered by Server-Sent Events.
// One keep-alive connection per call in flight; each call is one request.

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "xtest/asio_loop.h"
#include "xtest/client.h"
#include "xtest/events.h"
#include "xtest/json_answer.h"
#include "xtest/json_request.h"
#include "xtest/net_stream.h"
#include "xtest/timing.h"
#include "xtest/tls_files.h"

namespace aiges {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr size_t kReadBytes = 64 << 10;

class HttpClient;

// A connection and, at most, the call on it. Lives as long as the client; handlers of an earlier
// call, or of a socket that was given up, are told by their epoch.
class HttpConnection {
 public:
  HttpConnection(HttpClient* client, size_t host);

  void Start(Call* call);
  void Cancel();
  void Expire(uint64_t number);
  size_t host() const { return host_; }
  uint64_t number() const { return number_; }
  bool busy() const { return call_ != nullptr; }

 private:
  using Parser = http::response_parser<http::string_body>;

  void Connect();
  void Send();
  void Read();
  void OnRead(error_code error, size_t bytes);
  void OnBytes();
  void OnEvents();
  void OnAnswer();
  void OnFree(int status, const std::string& body);
  void OnJson(const std::string& body);
  void Broken(const std::string& what);
  void Fail(std::string text);
  void End(bool keep);

  HttpClient& client_;
  const size_t host_;
  NetStream socket_;
  bool reused_ = false;  // It had an answer before: the server may just have closed it.
  bool writing_ = false;
  uint64_t number_ = 0;  // Of the call.
  uint64_t epoch_ = 0;   // Of the call and of the socket it goes over.
  Call* call_ = nullptr;
  std::string head_;
  std::vector<std::string_view> pieces_;
  std::vector<asio::const_buffer> buffers_;
  boost::beast::flat_buffer in_;
  std::optional<Parser> parser_;
  EventReader events_;
  std::string event_, data_;
  bool over_ = false;  // The last event came.
};

class HttpClient : public Client {
 public:
  HttpClient(const Plan& plan, Ended ended)
      : plan_(plan),
        ended_(std::move(ended)),
        requests_(plan),
        tls_(MakeTlsContext(plan.tls, &tls_problem_)),
        places_(FindPlaces(&loop_, plan.hosts)),
        idle_(plan.hosts.size()) {}

  void Start(Call* call) override {
    auto& idle = idle_[call->host];
    if (idle.empty()) {
      all_.push_back(std::make_unique<HttpConnection>(this, call->host));
      idle.push_back(all_.back().get());
    }
    HttpConnection* connection = idle.back();
    idle.pop_back();
    connection->Start(call);
    deadlines_.push_back({std::chrono::steady_clock::now() +
                              std::chrono::milliseconds(plan_.timeout_ms + plan_.time_loss_ms),
                          connection, connection->number()});
  }

  bool Poll(TimePoint until) override {
    while (!deadlines_.empty() && !deadlines_.front().Open()) deadlines_.pop_front();
    const TimePoint next = deadlines_.empty() ? TimePoint::max() : deadlines_.front().at;
    if (loop_.Poll(std::min(until, next))) return true;
    if (deadlines_.empty() || std::chrono::steady_clock::now() < next) return false;
    const Deadline due = deadlines_.front();
    deadlines_.pop_front();
    due.connection->Expire(due.number);
    return true;
  }

  void Cancel() override {
    for (const auto& connection : all_) connection->Cancel();
  }

 private:
  friend class HttpConnection;
  struct Deadline {
    TimePoint at;
    HttpConnection* connection;
    uint64_t number;
    bool Open() const { return connection->busy() && connection->number() == number; }
  };

  const Plan& plan_;
  const Ended ended_;
  JsonRequests requests_;
  std::string tls_problem_;  // None: the settings were checked.
  const std::unique_ptr<asio::ssl::context> tls_;
  AsioLoop loop_;
  const std::vector<Place> places_;
  std::vector<std::unique_ptr<HttpConnection>> all_;
  std::vector<std::vector<HttpConnection*>> idle_;  // By host.
  std::deque<Deadline> deadlines_;  // All calls have the same time: first in, first out.
};

HttpConnection::HttpConnection(HttpClient* client, size_t host)
    : client_(*client), host_(host), socket_(&client->loop_.context(), client->tls_.get()) {}

void HttpConnection::Start(Call* call) {
  call_ = call;
  ++number_;
  ++epoch_;
  over_ = false;
  events_.Clear();
  client_.requests_.Http(*call, client_.places_[host_].name, &head_, &pieces_);
  buffers_.clear();
  for (const std::string_view piece : pieces_) {
    buffers_.emplace_back(piece.data(), piece.size());
    call->bytes_out += piece.size();
  }
  if (socket_.is_open()) {
    Send();
  } else {
    Connect();
  }
}

void HttpConnection::Connect() {
  ++epoch_;
  reused_ = writing_ = false;
  const Place& place = client_.places_[host_];
  if (place.endpoints.empty()) {
    asio::post(client_.loop_.context(), [this, epoch = epoch_] {
      if (epoch == epoch_ && call_ != nullptr) {
        Fail(StrCat("cannot look up ", client_.places_[host_].name, ": ",
                    client_.places_[host_].problem));
      }
    });
    return;
  }
  socket_.Connect(place.endpoints, HostOf(place.name), [this, epoch = epoch_](error_code error) {
    if (epoch != epoch_ || call_ == nullptr) return;
    if (error) return Broken(StrCat("cannot connect: ", error.message()));
    Send();
  });
}

void HttpConnection::Send() {
  parser_.emplace();
  parser_->eager(true);
  parser_->body_limit(UINT64_MAX);
  parser_->skip(client_.plan_.protocol == Protocol::kHttp && client_.plan_.free.method == "HEAD");
  writing_ = true;
  asio::async_write(socket_, buffers_, [this, epoch = epoch_](error_code error, size_t) {
    // What the server said before it closed is read, and Read tells why.
    if (epoch == epoch_ && !error) writing_ = false;
  });
  Read();
}

void HttpConnection::Read() {
  socket_.async_read_some(in_.prepare(kReadBytes),
                          [this, epoch = epoch_](error_code error, size_t bytes) {
                            if (epoch == epoch_ && call_ != nullptr) OnRead(error, bytes);
                          });
}

void HttpConnection::OnRead(error_code error, size_t bytes) {
  call_->bytes_in += bytes;
  in_.commit(bytes);
  if (error == asio::error::eof && parser_->got_some()) {
    parser_->put_eof(error);
    if (!error && parser_->is_done()) return OnAnswer();
    return Broken("the connection ended in the middle of an answer");
  }
  if (error) {
    if (reused_ && !parser_->got_some()) {  // Closed before it saw the request.
      socket_.Close();
      in_.clear();
      return Connect();
    }
    return Broken(StrCat("the connection broke: ", error.message()));
  }
  OnBytes();
}

void HttpConnection::OnBytes() {
  while (in_.size() > 0 && !parser_->is_done()) {
    error_code error;
    in_.consume(parser_->put(in_.data(), error));
    if (error == http::error::need_more) break;
    if (error) return Broken(StrCat("expected an HTTP answer: ", error.message()));
  }
  if (client_.plan_.protocol == Protocol::kEvents && parser_->is_header_done() &&
      parser_->get().result_int() == 200) {
    OnEvents();
  }
  if (parser_->is_done()) return OnAnswer();
  Read();
}

// As far as they have come; the rest stays for later.
void HttpConnection::OnEvents() {
  const TimePoint now = std::chrono::steady_clock::now();
  std::string& body = parser_->get().body();
  events_.Add(body);
  body.clear();
  while (!over_ && events_.Next(&event_, &data_)) {
    JsonAnswer answer;
    if (!ReadEnvelope(data_, false, &answer,
                      client_.plan_.keep_results ? &call_->results : nullptr)) {
      call_->Fail(StrCat("expected an event with a JSON envelope, got: ", data_.substr(0, 200)));
      over_ = true;
      break;
    }
    if (!answer.sid.empty()) call_->handle = std::move(answer.sid);
    if (answer.code != 0) call_->Fail(std::move(answer.text), answer.code);
    if (answer.items > 0 && call_->items == 0) call_->first = now;
    call_->items += answer.items;
    call_->last = now;
    over_ = answer.over();
  }
}

void HttpConnection::OnAnswer() {
  auto& answer = parser_->get();
  const std::string& body = answer.body();
  if (call_->wants_timing) {
    const auto timing = answer.find("Server-Timing");
    if (timing != answer.end()) {
      call_->stages = ParseServerTiming({timing->value().data(), timing->value().size()});
    }
  }
  const bool events = client_.plan_.protocol == Protocol::kEvents;
  const bool ok = answer.result_int() == 200;
  if (events && ok) {
    if (!over_) call_->Fail("the events ended before the output did; expected status 2 or 3");
    if (call_->last == TimePoint{}) call_->last = std::chrono::steady_clock::now();
  } else {
    call_->last = std::chrono::steady_clock::now();
    if (client_.plan_.protocol == Protocol::kHttp) {
      OnFree(static_cast<int>(answer.result_int()), body);
    } else if (ok && client_.plan_.protocol == Protocol::kRaw) {
      call_->first = call_->last;
      call_->items = 1;
      if (client_.plan_.keep_results) {
        const auto key = answer.find("X-Output-Key");
        ResultItem& item = call_->results.emplace_back();
        item.name = key == answer.end() ? "result" : std::string(key->value());
        item.type = DataType::kOther;
        item.data = body;
      }
    } else {
      OnJson(body);
    }
  }
  End(parser_->keep_alive());
}

// Of another system: what its answers mean is not known, but their status is.
void HttpConnection::OnFree(int status, const std::string& body) {
  if (status >= 400) return call_->Fail(StrCat("HTTP ", status, ": ", body.substr(0, 200)), status);
  call_->first = call_->last;
  call_->items = 1;
  if (client_.plan_.keep_results) {
    call_->results.push_back({"result", DataType::kOther, body});
  }
}

void HttpConnection::OnJson(const std::string& body) {
  JsonAnswer answer;
  if (!ReadEnvelope(body, false, &answer, client_.plan_.keep_results ? &call_->results : nullptr)) {
    return call_->Fail(StrCat("expected a JSON envelope from ", client_.places_[host_].name,
                              ", got HTTP ", parser_->get().result_int(), ": ",
                              body.substr(0, 200)));
  }
  if (answer.code != 0) {
    call_->handle = std::move(answer.sid);
    return call_->Fail(std::move(answer.text), answer.code);
  }
  call_->first = call_->last;
  call_->items = answer.items;
}

void HttpConnection::Broken(const std::string& what) {
  Fail(StrCat("no answer from ", client_.places_[host_].name, ": ", what));
}

void HttpConnection::Fail(std::string text) {
  call_->last = std::chrono::steady_clock::now();
  call_->Fail(std::move(text));
  End(false);
}

void HttpConnection::Expire(uint64_t number) {
  if (number != number_ || call_ == nullptr) return;
  Fail(StrCat("no answer from ", client_.places_[host_].name, " within ",
              client_.plan_.timeout_ms + client_.plan_.time_loss_ms,
              " ms (svcMode.timeout + timeLoss)"));
}

void HttpConnection::Cancel() {
  if (call_ == nullptr) return;
  call_->given_up = true;
  asio::post(client_.loop_.context(), [this, epoch = epoch_] {
    if (epoch == epoch_ && call_ != nullptr) Fail("given up by the client");
  });
}

void HttpConnection::End(bool keep) {
  if (call_->code != kNoAnswer) call_->given_up = false;  // The answer was faster.
  keep = keep && !writing_;                               // An answer to half a request.
  if (!keep) socket_.Close();
  if (in_.size() > 0) in_.clear();
  reused_ = keep;
  parser_.reset();
  Call* call = std::exchange(call_, nullptr);
  client_.idle_[host_].push_back(this);
  client_.ended_(call);
}

}  // namespace

std::unique_ptr<Client> MakeHttpClient(const Plan& plan, Ended ended) {
  return std::make_unique<HttpClient>(plan, std::move(ended));
}

}  // namespace aiges
