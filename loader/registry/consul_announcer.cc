// SPDX-License-Identifier: Apache-2.0
#include "loader/registry/consul_announcer.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "loader/base/log.h"

namespace aiges {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr const char* kGrpcCheckInterval = "2s";

// Text from outside may hold any byte; JSON must be UTF-8.
std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

ConsulAnnouncer::ConsulAnnouncer(const RegistrySettings& settings, HttpLoop* loop,
                                 ConsulHealth* health)
    : settings_(settings), loop_(*loop), health_(*health) {}

void ConsulAnnouncer::Announce(Announcement announcement) {
  if (withdrawn_ || state_ == State::kWithdrawn) {  // It has been taken back, or is about to be.
    again_ = busy_;
    withdrawn_ = nullptr;
    told_.clear();
    state_ = State::kAbsent;
  } else if (wanted_ == announcement) {
    return;
  }
  if (state_ == State::kRegistered) state_ = State::kAbsent;  // Registering again replaces it.
  id_ = announcement.Id();
  grpc_refused_ = false;
  wanted_ = std::move(announcement);
  Step();
}

void ConsulAnnouncer::SetReady(bool ready, std::string why) {
  ready_ = ready;
  why_ = std::move(why);
  Step();
}

void ConsulAnnouncer::Withdraw(std::function<void()> done) {
  withdrawn_ = std::move(done);
  pausing_ = false;
  Step();
}

void ConsulAnnouncer::Step() {
  if (busy_ || pausing_) return;
  if (withdrawn_) {
    if (!wanted_ || state_ == State::kWithdrawn) return std::exchange(withdrawn_, nullptr)();
    return Deregister();
  }
  if (!wanted_ || state_ == State::kWithdrawn) return;
  if (state_ == State::kAbsent) {
    // Not before it can serve.
    if (ready_ || !told_.empty()) Register();
    return;
  }
  if (beat_due_ || told_ != Word()) Update();
}

void ConsulAnnouncer::Send(const char* what, std::string path, std::string body,
                           std::function<void(const HttpGot&)> done) {
  busy_ = true;
  HttpAsk ask{"PUT", settings_.url + std::move(path), std::move(body), kConsulLimit};
  loop_.Send(std::move(ask), [this, what, done = std::move(done)](const HttpGot& got) {
    busy_ = false;
    health_.Note(what, got);
    done(got);
    Step();
  });
}

void ConsulAnnouncer::Failed() {
  pausing_ = true;
  loop_.After(pauses_.Next(), [this] {
    pausing_ = false;
    Step();
  });
}

std::string ConsulAnnouncer::ChecksJson() const {
  const std::string silence = StrCat(wanted_->deregister_after.count(), "s");
  json checks = json::array();
  checks.push_back({{"CheckID", id_ + ":ttl"},
                    {"Name", "the loader's own word"},
                    {"TTL", StrCat(wanted_->ttl.count(), "ms")},
                    {"Status", ready_ ? "passing" : "critical"},
                    {"DeregisterCriticalServiceAfter", silence}});
  if (wanted_->grpc_check && !grpc_refused_) {
    checks.push_back({{"CheckID", id_ + ":grpc"},
                      {"Name", "grpc.health.v1"},
                      {"GRPC", StrCat(wanted_->address, ":", wanted_->grpc_port)},
                      {"GRPCUseTLS", wanted_->tls},
                      {"Interval", kGrpcCheckInterval},
                      {"Timeout", "2s"},
                      {"Status", "passing"},  // It is ready: the loader has just said so.
                      {"DeregisterCriticalServiceAfter", silence}});
  }
  return Dump(checks);
}

std::string ConsulAnnouncer::ServiceJson(bool http) const {
  json meta = json::object();
  for (const auto& [key, value] : wanted_->meta) meta[key] = value;
  json service = {
      {"ID", http ? id_ + "-http" : id_},
      {"Name", http ? wanted_->service + "-http" : wanted_->service},
      {"Address", wanted_->address},
      {"Port", http ? wanted_->http_port : wanted_->grpc_port},
      {"Tags", wanted_->tags},
      {"Meta", meta},
      {"Weights", {{"Passing", wanted_->weight}, {"Warning", 1}}},
  };
  if (http) {
    service["Checks"] = json::array(
        {{{"CheckID", id_ + "-http:alias"}, {"Name", "as " + id_}, {"AliasService", id_}}});
  } else {
    service["Checks"] = json::parse(ChecksJson());
  }
  return Dump(service);
}

void ConsulAnnouncer::Register() {
  told_ = Word();
  Send("register", "/v1/agent/service/register?replace-existing-checks=true", ServiceJson(false),
       [this](const HttpGot& got) {
         if (got.status == 400 && wanted_->grpc_check && !grpc_refused_) {
           LogWarn("registry", "consul refuses the gRPC check (", got.Problem(),
                   "); going on with the loader's own reports only");
           grpc_refused_ = true;
           return;
         }
         if (!got.ok()) return Failed();
         if (wanted_->http_port == 0) return Registered();
         RegisterHttp();
       });
}

void ConsulAnnouncer::RegisterHttp() {
  Send("register http", "/v1/agent/service/register?replace-existing-checks=true",
       ServiceJson(true), [this](const HttpGot& got) { got.ok() ? Registered() : Failed(); });
}

void ConsulAnnouncer::Registered() {
  LogInfo("registry", "registered as ", id_, " with ", settings_.url);
  health_.SetRegistered(true, id_);
  state_ = State::kRegistered;
  confirmed_ = false;
  beat_due_ = true;  // Also makes the check's text the loader's own.
}

void ConsulAnnouncer::Update() {
  beat_due_ = false;
  const std::string word = Word();
  const json body = {{"Status", ready_ ? "passing" : "critical"}, {"Output", word}};
  Send("heartbeat", "/v1/agent/check/update/" + UrlPath(id_ + ":ttl"), Dump(body),
       [this, word](const HttpGot& got) {
         if (got.ok()) {
           told_ = word;
           confirmed_ = true;
           pauses_.Reset();
           loop_.After(wanted_->ttl / 3, [this, beat = ++beat_] {
             if (beat != beat_) return;  // A later one has set its own timer.
             beat_due_ = true;
             Step();
           });
           return;
         }
         beat_due_ = true;
         if (got.status == 0) return Failed();
         LogWarn("registry", "consul has forgotten this loader (", got.Problem(),
                 "), registering again");
         health_.SetRegistered(false, id_);
         state_ = State::kAbsent;
         // At once where it has known us; not where it refuses, or never meant it (as when requests
         // go to different agents).
         if (!confirmed_ || (got.status != 404 && got.status != 500)) Failed();
       });
}

void ConsulAnnouncer::Deregister() {
  const auto leave = [this](const HttpGot& got) {
    if (got.ok() || got.status == 404) LogInfo("registry", "registration ", id_, " taken back");
    health_.SetRegistered(false, id_);
    if (std::exchange(again_, false)) return;
    state_ = State::kWithdrawn;  // Once tried is enough: the checks do the rest.
  };
  const std::string path = "/v1/agent/service/deregister/";
  if (wanted_->http_port == 0) return Send("deregister", path + UrlPath(id_), "", leave);
  Send("deregister http", path + UrlPath(id_ + "-http"), "",
       [this, path, leave](const HttpGot&) { Send("deregister", path + UrlPath(id_), "", leave); });
}

}  // namespace aiges
