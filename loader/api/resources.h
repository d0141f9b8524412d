// SPDX-License-Identifier: Apache-2.0
// loader/api/resources.h: personalisation data that every instance of the engine has loaded.
//
// A resource has one number in all instances, also in those that are started later; calls and
// sessions name it in Request::psr_ids and SessionRequest::psr_ids. Ownership: arguments are taken.
// Threads: thread-safe; `done` is called once, on the hub thread.
#pragma once

#include <functional>

#include "loader/api/request.h"

namespace aiges {

class Resources {
 public:
  virtual ~Resources() = default;

  // wrapperLoadRes in every instance that serves. Not ok: one could not, and none has it now.
  virtual void Load(Payload resource, std::function<void(Status, unsigned id)> done) = 0;
  // wrapperUnloadRes everywhere. kInvalid for a number that is not loaded.
  virtual void Unload(unsigned id, std::function<void(Status)> done) = 0;
};

}  // namespace aiges
