// SPDX-License-Identifier: Apache-2.0
// loader/protocols/find_model.h: which model a client means, and whether its key may call that.
//
// Every front that names models goes through here. Any thread.
#pragma once

#include <algorithm>
#include <string_view>

#include "loader/api/codes.h"
#include "loader/api/models.h"
#include "loader/base/strings.h"
#include "loader/front/exchange.h"
#include "loader/protocols/once.h"

namespace aiges {

inline Status CheckMayCall(const Caller& caller, std::string_view model) {
  if (caller.models == nullptr) return Status::Ok();
  const auto& models = *caller.models;
  if (std::find(models.begin(), models.end(), model) != models.end()) return Status::Ok();
  Status status = Status::Error(
      StatusKind::kInvalid,
      StrCat("the ", caller.proof, " of ", caller.name, " may not call ", model), kCodeDenied);
  if (caller.audit != nullptr) caller.audit->Tell({model, "refused", status.code, status.text});
  return status;
}

// Out: never null where it is ok. With one model every name is that one's.
inline Status FindModel(const Models& models, const Caller& caller, std::string_view name,
                        std::string_view version, ModelRef* out) {
  Status status = models.Find(name, version, out);
  if (status.ok() && models.several()) status = CheckMayCall(caller, (*out)->name());
  return status;
}

// At a path of the default model's own, which names none.
inline Status CheckMayCallDefault(const Models& models, const Caller& caller) {
  return models.several() ? CheckMayCall(caller, models.Default()->name()) : Status::Ok();
}

// By the call's serviceId; with one model nothing is looked up.
inline Status FindModel(const Models& models, const Caller& caller, OnceCall* call) {
  if (!models.several()) return Status::Ok();
  return FindModel(models, caller, call->service_id, {}, &call->request.model);
}

}  // namespace aiges
