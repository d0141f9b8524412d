// SPDX-License-Identifier: Apache-2.0
// loader/routes/front_rooms.h: what the front serves, and what its routes ask of others.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "loader/access/audit_log.h"
#include "loader/access/limits.h"
#include "loader/api/budget.h"
#include "loader/api/buffers.h"
#include "loader/api/models.h"
#include "loader/api/origin.h"
#include "loader/api/resources.h"
#include "loader/api/service.h"
#include "loader/api/session.h"
#include "loader/api/settings.h"
#include "loader/base/status.h"
#include "loader/front/http_types.h"
#include "loader/pages/metric_text.h"

namespace aiges {

// All of it outlives the front.
struct FrontRooms {
  const Settings& settings;
  Budget* budget;
  BufferPool* buffers;
  Service* service;
  Sessions* sessions;
  Resources* resources;
  Models* models;
  AuditLog* audit;
  Tracing* tracing = nullptr;      // Nothing: calls are of no trace.
  const Limits* limits = nullptr;  // Nothing: callers have none.
};

// Thread-safe.
struct FrontActions {
  std::function<std::string(MetricFormat)> metrics;
  std::function<HttpResponse(const HttpRequest&)> status;  // A path of status_page.h.
  // The text of /status.json for those who ask by gRPC. Made on the lane.
  std::function<std::string()> status_text;
  std::function<void(std::function<void(Status)> done)> reload;
  // The text of wrapperSchema, "" where there is none; the same pointer while it is the same.
  std::function<std::shared_ptr<const std::string>()> schema;
  // The same of wrapperDoors.
  std::function<std::shared_ptr<const std::string>()> doors;
};

}  // namespace aiges
