// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/front_server.h"

#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <iterator>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "loader/base/log.h"
#include "loader/base/mutex.h"
#include "loader/front/listener.h"
#include "loader/front/newcomer.h"
#include "loader/routes/exchange_routes.h"
#include "loader/routes/http_routes.h"
#include "loader/routes/model_routes.h"
#include "loader/routes/oip_routes.h"
#include "loader/routes/port_rules.h"

namespace aiges {
namespace {

using boost::system::error_code;

constexpr auto kSweep = std::chrono::milliseconds(100);

std::string HostOf(const std::string& host) { return host.empty() ? "0.0.0.0" : host; }

// Calls of one connection at a time; more wait in the client. Twice the licences, so that sessions
// of one client can be asked for output and written to.
uint32_t MostStreams(uint64_t licences) {
  return static_cast<uint32_t>(std::clamp<uint64_t>(2 * licences, 4096, 100'000));
}

// Both ports are one where they have the same number on the same address.
bool IsSamePort(const ServiceSettings& s) {
  const std::string host = HostOf(s.host);
  return s.http_path.empty() && s.grpc_port != 0 && s.grpc_port == s.http_port &&
         (host == HostOf(s.http_host) || host == "0.0.0.0");
}

}  // namespace

struct FrontServer::Impl {
  Impl(const FrontRooms& rooms, FrontActions to_others)
      : actions(std::move(to_others)),
        lane(rooms.settings, rooms.budget, rooms.buffers, rooms.service, rooms.sessions,
             rooms.models, {}),
        grpc{{rooms.settings.limits.max_message_bytes, rooms.buffers, rooms.budget},
             lane,
             *rooms.resources,
             LoadHeader(rooms.service),
             {},
             {}},
        oip(&grpc, &table),
        audit(*rooms.audit),
        access(rooms.settings.service, rooms.audit, rooms.models->several()),
        http(rooms, &actions, &lane, &table, &access),
        routes(&grpc, &access, &table, &actions, rooms.tracing),
        models(&grpc,
               [this](const ModelRef& model, const std::string& path, HttpRequest* request,
                      HttpDone* done, uint64_t* id) {
                 return http.AnswerDeclared(model, path, request, done, id);
               }),
        transports(MakeTransports(&lane, &routes, MostStreams(rooms.settings.licences))),
        sweeper(lane.io) {
    http.ServeVerbs([this](HttpRequest request, HttpDone done) {
      return oip.HandleVerb(std::move(request), std::move(done));
    });
    routes.UseLimits(rooms.limits);
    routes.LookFirst([this] { http.Look(); });
    lane.hooks.handle = [this](HttpRequest request, HttpDone done) {
      return http.Handle(std::move(request), std::move(done));
    };
    lane.hooks.abort = [this](uint64_t id) {  // Calls and sessions never have the same id.
      lane.service.Abort(id);
      lane.sessions.Abort(id);
    };
    lane.hooks.refuse_upgrade = [this](const HttpRequest& r) { return http.RefuseUpgrade(r); };
  }

  const FrontActions actions;
  FrontLane lane;
  GrpcServices grpc;
  RouteTable table;
  OipRoutes oip;
  AuditLog& audit;
  Access access;
  UsedSignatures used;  // The lane's; of all credentials that there will be.
  HttpRoutes http;
  ExchangeRoutes routes;
  ModelRoutes models;
  Transports transports;
  std::optional<TlsContext> tls;
  std::vector<std::unique_ptr<Listener>> listeners;
  boost::asio::steady_timer sweeper;
  std::thread thread;

  // Which credentials decide. Only one is in force; what is prepared may never be.
  Mutex credentials_mu;
  std::shared_ptr<Credentials> in_force GUARDED_BY(credentials_mu);
  std::shared_ptr<Credentials> prepared GUARDED_BY(credentials_mu);
  std::vector<std::shared_ptr<Credentials>> leaving GUARDED_BY(credentials_mu);
  // What Look has seen last, and of which. Main's.
  Credentials::Basis seen;
  std::shared_ptr<Credentials> seen_of;

  Status Prepare(const AccessSettings& s) {
    auto fresh = std::make_shared<Credentials>(s, lane.settings.service.admin_token, &used);
    std::shared_ptr<Credentials> before;
    {
      MutexLock lock(credentials_mu);
      before = in_force;
    }
    Status status = fresh->Load(before.get());
    MutexLock lock(credentials_mu);
    prepared = status.ok() ? std::move(fresh) : nullptr;
    return status;
  }

  // Nothing happens where nothing is prepared.
  void UsePrepared() {
    std::shared_ptr<Credentials> fresh;
    {
      MutexLock lock(credentials_mu);
      if (prepared == nullptr) return;
      if (in_force != nullptr) leaving.push_back(std::move(in_force));
      in_force = fresh = std::move(prepared);
    }
    if (!thread.joinable()) {
      access.Use(std::move(fresh));  // Nobody asks yet.
      return;
    }
    lane.loop.Post([this, fresh = std::move(fresh)] { access.Use(fresh); });
  }

  // Main's. Those that the lane has let go of may take their time to end.
  void LookAtCredentials() {
    std::shared_ptr<Credentials> now;
    std::vector<std::shared_ptr<Credentials>> gone;
    {
      MutexLock lock(credentials_mu);
      now = in_force;
      const auto held = [](const auto& each) { return each.use_count() > 1; };
      const auto first = std::partition(leaving.begin(), leaving.end(), held);
      gone.assign(std::move_iterator(first), std::move_iterator(leaving.end()));
      leaving.erase(first, leaving.end());
    }
    if (now == nullptr) return;
    now->Look();
    const Credentials::Basis basis = now->basis();
    for (size_t i = 0; seen_of == now && i < basis.size(); ++i) {
      if (basis[i] == seen[i]) continue;
      audit.Write({}, {Credentials::kBasisNames[i], "changed"});
    }
    seen = basis;
    seen_of = now;
  }

  Status Claim() {
    Status status = routes.Claim();
    if (status.ok()) status = models.Claim(&table);
    if (status.ok()) status = oip.Claim();
    return status.ok() ? http.Claim() : status;
  }

  // `key`: what of the configuration says so.
  Status Listen(const ListenAddress& at, const std::string& key, bool reuseport, bool admin,
                uint16_t* in_use) {
    const PortRules rules = RulesOf(lane.settings.tls, at, admin);
    listeners.push_back(std::make_unique<Listener>(&lane, &transports, rules, admin));
    Listener& listener = *listeners.back();
    Status status = at.path.empty() ? listener.Open(HostOf(at.host), at.port, reuseport)
                                    : listener.OpenUnix(at.path);
    if (!status.ok()) {
      status.text = StrCat("cannot listen on ", AddressText(at), " for ", key, ": ", status.text);
      return status;
    }
    *in_use = listener.port();
    if (!admin && at.path.empty()) grpc.handles.Add(at.host, *in_use);
    return status;
  }

  Status LoadTls() {
    if (!lane.settings.tls.on()) return Status::Ok();
    tls.emplace(lane.settings.tls);
    transports.tls = &*tls;
    return tls->Load();
  }

  void Sweep() {
    sweeper.expires_after(kSweep);
    sweeper.async_wait([this](error_code ec) {
      if (ec) return;
      const TimePoint now = std::chrono::steady_clock::now();
      for (const auto& connection : All()) {
        if (lane.stopping && connection->idle()) {
          connection->Close();
        } else {
          connection->CheckTime(now);
        }
      }
      // They leave the set by themselves, later.
      for (LaneConnection* session : lane.websockets) session->CheckTime(now);
      for (auto i = lane.uploads.begin(); i != lane.uploads.end();) (*i++)->CheckTime(now);
      Sweep();
    });
  }

  std::vector<std::shared_ptr<LaneConnection>> All() const {
    return {lane.clients.begin(), lane.clients.end()};
  }
  void CloseAll() {
    for (const auto& connection : All()) connection->Close();
    for (LaneConnection* session : std::set(lane.websockets)) session->Close();
  }

  void StopAdmitting() {
    if (std::exchange(lane.stopping, true)) return;
    for (const auto& listener : listeners) listener->Close();
    routes.standard().EndCalls();
    for (const auto& connection : All()) connection->Leave();
  }
};

FrontServer::FrontServer(const FrontRooms& rooms, FrontActions actions)
    : impl_(std::make_unique<Impl>(rooms, std::move(actions))) {}

FrontServer::~FrontServer() { Stop(std::chrono::steady_clock::now()); }

Status FrontServer::Start(uint16_t* port, uint16_t* http_port, uint16_t* admin_port) {
  const Settings& settings = impl_->lane.settings;
  const ServiceSettings& s = settings.service;
  Status status = impl_->audit.Use(settings.access.audit_log);
  if (status.ok()) status = impl_->Prepare(settings.access);
  if (!status.ok()) return status;
  impl_->UsePrepared();
  status = impl_->Claim();
  if (!status.ok()) return status;
  if (status = impl_->LoadTls(); !status.ok()) return status;
  status = impl_->Listen({s.host, s.grpc_port, {}}, StrCat("gRPC ([", s.name, "] host, port)"),
                         s.reuseport, /*admin=*/false, port);
  if (!status.ok()) return status;
  if (s.http_on && IsSamePort(s)) {
    *http_port = *port;
  } else if (s.http_on) {
    status = impl_->Listen({s.http_host, s.http_port, s.http_path}, "HTTP (http_listen)",
                           /*reuseport=*/false, /*admin=*/false, http_port);
    if (!status.ok()) return status;
  }
  for (const ListenAddress& also : s.also) {
    uint16_t in_use = 0;
    status =
        impl_->Listen(also, "[http] also_listen", /*reuseport=*/false, /*admin=*/false, &in_use);
    if (!status.ok()) return status;
  }
  if (s.admin) {
    status = impl_->Listen(*s.admin, "pages and admin ([admin] listen)", /*reuseport=*/false,
                           /*admin=*/true, admin_port);
    if (!status.ok()) return status;
    impl_->routes.KeepPagesAt(AddressText({s.admin->host, *admin_port, s.admin->path}));
  }
  LowerToDescriptors(settings, &impl_->lane.budget.connections);
  impl_->thread = std::thread([impl = impl_.get()] {
    ::prctl(PR_SET_NAME, "front-lane");
    impl->lane.thread = std::this_thread::get_id();
    for (const auto& listener : impl->listeners) listener->Accept();
    impl->Sweep();
    impl->lane.io.run();
  });
  return Status::Ok();
}

void FrontServer::Look() {
  impl_->LookAtCredentials();
  if (impl_->tls) impl_->tls->Follow();
}

void FrontServer::ForgetPreparedAccess() {
  MutexLock lock(impl_->credentials_mu);
  impl_->prepared = nullptr;
}

Status FrontServer::PrepareAccess(const AccessSettings& settings) {
  Status status = impl_->audit.Check(settings.audit_log);
  return status.ok() ? impl_->Prepare(settings) : status;
}

void FrontServer::UsePreparedAccess(const std::string& audit_log) {
  const Status status = impl_->audit.Use(audit_log);
  if (!status.ok()) LogError("access", status.text);
  impl_->UsePrepared();
}

void FrontServer::SetServing(bool serving) {
  impl_->lane.loop.Post(
      [impl = impl_.get(), serving] { impl->routes.standard().SetServing(serving); });
}

void FrontServer::StopAdmitting() {
  impl_->lane.loop.Post([impl = impl_.get()] { impl->StopAdmitting(); });
}

void FrontServer::Stop(TimePoint until) {
  if (!impl_->thread.joinable()) return;
  std::atomic<bool> empty{false};
  StopAdmitting();
  while (!empty && std::chrono::steady_clock::now() < until) {
    impl_->lane.loop.Post([impl = impl_.get(), &empty] {
      empty = impl->lane.clients.empty() && impl->lane.websockets.empty();
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  impl_->lane.io.stop();
  impl_->thread.join();
  // What is open now is lost: its calls are told, and let go of their exchanges.
  impl_->lane.thread = std::this_thread::get_id();
  impl_->CloseAll();
  impl_->lane.io.restart();
  impl_->lane.io.poll();
}

}  // namespace aiges
