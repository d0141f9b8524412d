// SPDX-License-Identifier: Apache-2.0
// loader/routes/exchange_routes.h: who answers an exchange, by the route table; the services of
// gRPC that are the loader's own are claimed here.
//
// Belongs to the lane.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "loader/access/limits.h"
#include "loader/front/exchange.h"
#include "loader/protocols/grpc_env.h"
#include "loader/protocols/standard_calls.h"
#include "loader/routes/access.h"
#include "loader/routes/cors.h"
#include "loader/routes/door_routes.h"
#include "loader/routes/route_table.h"

namespace aiges {

class ExchangeRoutes final : public Handler {
 public:
  // All of it outlives the routes.
  ExchangeRoutes(GrpcServices* grpc, Access* access, RouteTable* table, const FrontActions* actions,
                 Tracing* tracing)
      : grpc_(*grpc),
        tracing_(tracing),
        cors_(grpc->lane.settings.http),
        access_(*access),
        table_(*table),
        standard_(&grpc->grpc, actions->status_text),
        doors_(grpc, actions, table, &standard_) {}

  // Not ok where another has one of the services.
  Status Claim();
  std::unique_ptr<Responder> Begin(std::shared_ptr<Exchange> exchange) override;
  // Whoever claims paths as he comes to know them does so before each search. Before the first.
  void LookFirst(std::function<void()> look) { look_ = std::move(look); }
  // Callers are held to them. Before the first; it outlives the routes.
  void UseLimits(const Limits* limits) { limits_ = limits; }
  StandardServices& standard() { return standard_; }
  // From now on pages are there alone, and nothing else is ([admin] listen).
  void KeepPagesAt(std::string address) { pages_at_ = std::move(address); }

 private:
  bool RefusePort(Exchange* exchange, const RouteOwner* owner) const;
  std::unique_ptr<Responder> BeginAt(std::shared_ptr<Exchange> exchange, RouteOwner* owner);
  // Of who may ask that, where `admitted` is ok.
  std::unique_ptr<Responder> BeginAdmitted(std::shared_ptr<Exchange> exchange, RouteOwner* owner,
                                           const Status& admitted);

  static std::shared_ptr<Exchange> Limited(std::shared_ptr<Exchange> exchange);
  // Once who asks is known: what the calls have with them that come of it.
  void SetOrigin(Exchange* exchange, bool grpc) const;

  GrpcServices& grpc_;
  Tracing* const tracing_;          // Nothing: calls are of no trace.
  const Limits* limits_ = nullptr;  // Nothing: there are none.
  const Cors cors_;                 // Of gRPC-Web.
  Access& access_;
  RouteTable& table_;
  StandardServices standard_;
  DoorRoutes doors_;
  std::function<void()> look_ = [] {};
  std::string pages_at_;  // Empty: on every port.
};

}  // namespace aiges
