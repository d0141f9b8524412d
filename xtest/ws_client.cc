// SPDX-License-Identifier: Apache-2.0
// Sessions over WebSocket: a connection each, frames with the JSON envelope; a once call is a
// session of one frame.

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <memory>
#include <unordered_set>
#include <utility>

#include "xtest/asio_loop.h"
#include "xtest/client.h"
#include "xtest/json_answer.h"
#include "xtest/json_request.h"
#include "xtest/net_stream.h"
#include "xtest/tls_files.h"

namespace aiges {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using beast::error_code;

// For the closing handshake, after the call has its result.
constexpr std::chrono::seconds kClosing{1};

struct WsEnv {
  WsEnv(const Plan& p, Ended e)
      : plan(p),
        ended(std::move(e)),
        requests(p),
        slices(p),
        tls(MakeTlsContext(p.tls, &tls_problem)),
        places(FindPlaces(&loop, p.hosts)),
        path(StrCat("/v1/private/", p.service_id)) {}

  const Plan& plan;
  const Ended ended;
  JsonRequests requests;
  const Slices slices;
  std::string tls_problem;  // None: the settings were checked.
  const std::unique_ptr<asio::ssl::context> tls;
  AsioLoop loop;
  const std::vector<Place> places;
  const std::string path;
  std::unordered_set<class WsCall*> calls;  // Under way.
};

// Lives until the socket is closed, by its own handlers; the call may have ended before.
class WsCall : public std::enable_shared_from_this<WsCall> {
 public:
  WsCall(WsEnv* env, Call* call)
      : env_(*env),
        call_(call),
        ws_(&env->loop.context(), env->tls.get()),
        limit_(env->loop.context()),
        pause_(env->loop.context()) {
    env_.calls.insert(this);
  }

  void Start() {
    begin_ = progress_ = std::chrono::steady_clock::now();
    if (once()) {
      limit_.expires_at(begin_ + Timeout());
    } else {
      cursor_.Begin(&env_.plan, &env_.slices, call_->index);
      limit_.expires_at(begin_ + LongestSilence(env_.plan));
    }
    WatchLimit();
    const Place& place = env_.places[call_->host];
    if (place.endpoints.empty()) {
      asio::post(env_.loop.context(), [self = shared_from_this()] {
        const Place& unknown = self->env_.places[self->host_];
        self->Fail(StrCat("cannot look up ", unknown.name, ": ", unknown.problem));
      });
      return;
    }
    ws_.next_layer().Connect(place.endpoints, HostOf(place.name),
                             [self = shared_from_this()](error_code error) {
                               if (error) return self->Broken("cannot connect", error);
                               self->Handshake();
                             });
  }

  void Cancel() {
    call_->given_up = true;
    asio::post(env_.loop.context(),
               [self = shared_from_this()] { self->Fail("given up by the client"); });
  }

 private:
  bool once() const { return env_.plan.mode == Mode::kOnce; }
  std::chrono::milliseconds Timeout() const {
    return std::chrono::milliseconds(env_.plan.timeout_ms + env_.plan.time_loss_ms);
  }

  // A once call has a deadline; a session may not be silent for too long.
  void WatchLimit() {
    limit_.async_wait([self = shared_from_this()](error_code error) {
      if (error || self->call_ == nullptr) return;
      const TimePoint until = self->progress_ + LongestSilence(self->env_.plan);
      if (!self->once() && std::chrono::steady_clock::now() < until) {
        self->limit_.expires_at(until);
        return self->WatchLimit();
      }
      self->Fail(self->once() ? StrCat("no answer from ", self->name(), " within ",
                                       self->Timeout().count(), " ms (svcMode.timeout + timeLoss)")
                              : StrCat("no output for ", LongestSilence(self->env_.plan).count(),
                                       " ms; expected a result with status 2"));
    });
  }

  void Handshake() {
    ws_.read_message_max(0);
    ws_.text(true);
    ws_.set_option(websocket::stream_base::decorator([this](websocket::request_type& request) {
      const Plan& plan = env_.plan;
      if (!plan.api_key.empty()) request.set("X-Api-Key", plan.api_key);
      for (const auto& [key, value] : plan.headers) {
        if ((key + value).find_first_of("\r\n ") == std::string::npos) request.set(key, value);
      }
    }));
    ws_.async_handshake(answer_, name(), env_.path, [self = shared_from_this()](error_code error) {
      if (error == websocket::error::upgrade_declined) {
        return self->Fail(StrCat("expected a WebSocket at ", self->name(), self->env_.path,
                                 ", got HTTP ", self->answer_.result_int(), ": ",
                                 self->answer_.body().substr(0, 200)));
      }
      if (error) return self->Broken("the WebSocket handshake failed", error);
      self->Read();
      self->Write();
    });
  }

  // The next frame, now or when it is due.
  void Write() {
    if (call_ == nullptr || (!once() && cursor_.done())) return;
    const TimePoint now = std::chrono::steady_clock::now();
    if (once()) {
      frame_ = env_.requests.OnceFrame(*call_);
    } else {
      const TimePoint due = begin_ + std::chrono::milliseconds(cursor_.next_ms());
      if (due > now) {
        pause_.expires_at(due);
        pause_.async_wait([self = shared_from_this()](error_code error) {
          if (!error) self->Write();
        });
        return;
      }
      cursor_.Take(&packet_);
      frame_ = env_.requests.Frame(packet_);
      call_->last_packet = now;
    }
    progress_ = now;
    call_->bytes_out += frame_.size();
    ws_.async_write(asio::buffer(frame_), [self = shared_from_this()](error_code error, size_t) {
      // What the server has said before it closed is read, and Read tells why.
      if (!error && !self->once()) self->Write();
    });
  }

  void Read() {
    ws_.async_read(in_, [self = shared_from_this()](error_code error, size_t) {
      if (self->call_ == nullptr) return;
      if (error == websocket::error::closed) {
        return self->Fail(StrCat(
            "the server closed the WebSocket before the output ended: ",
            std::string_view(self->ws_.reason().reason.data(), self->ws_.reason().reason.size())));
      }
      if (error) return self->Broken("the connection broke", error);
      self->OnFrame();
    });
  }

  void OnFrame() {
    const TimePoint now = std::chrono::steady_clock::now();
    const std::string_view text(static_cast<const char*>(in_.cdata().data()), in_.size());
    call_->bytes_in += text.size();
    JsonAnswer answer;
    if (!ReadEnvelope(text, true, &answer, env_.plan.keep_results ? &call_->results : nullptr)) {
      return Fail(StrCat("expected a frame with a JSON envelope, got: ", text.substr(0, 200)));
    }
    in_.consume(in_.size());
    progress_ = now;
    if (!answer.sid.empty()) call_->handle = std::move(answer.sid);
    if (answer.items > 0) {
      if (call_->items == 0) call_->first = now;
      call_->items += answer.items;
      call_->last = now;
    }
    if (!answer.over()) return Read();
    call_->last = now;
    call_->given_up = false;  // The answer was faster.
    if (answer.code != 0) call_->Fail(std::move(answer.text), answer.code);
    End();
    pause_.expires_after(kClosing);
    pause_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->ws_.next_layer().Close();
    });
    ws_.async_close(websocket::close_code::normal,
                    [self = shared_from_this()](error_code) { self->pause_.cancel(); });
  }

  void Broken(const char* what, error_code error) {
    Fail(StrCat("no answer from ", name(), ": ", what, ": ", error.message()));
  }

  void Fail(std::string text) {
    if (call_ == nullptr) return;
    call_->last = std::chrono::steady_clock::now();
    call_->Fail(std::move(text));
    End();
    ws_.next_layer().Close();
  }

  void End() {
    limit_.cancel();
    pause_.cancel();
    env_.calls.erase(this);
    env_.ended(std::exchange(call_, nullptr));
  }

  const std::string& name() const { return env_.places[host_].name; }

  WsEnv& env_;
  Call* call_;
  const size_t host_ = call_->host;
  websocket::stream<NetStream> ws_;
  websocket::response_type answer_;
  asio::steady_timer limit_, pause_;
  beast::flat_buffer in_;
  std::string frame_;
  PacketCursor cursor_;
  Packet packet_;
  TimePoint begin_{}, progress_{};
};

class WsClient : public Client {
 public:
  WsClient(const Plan& plan, Ended ended) : env_(plan, std::move(ended)) {}

  void Start(Call* call) override { std::make_shared<WsCall>(&env_, call)->Start(); }
  bool Poll(TimePoint until) override { return env_.loop.Poll(until); }
  void Cancel() override {
    for (WsCall* call : env_.calls) call->Cancel();
  }

 private:
  WsEnv env_;
};

}  // namespace

std::unique_ptr<Client> MakeWebSocketClient(const Plan& plan, Ended ended) {
  return std::make_unique<WsClient>(plan, std::move(ended));
}

}  // namespace aiges
