// SPDX-License-Identifier: Apache-2.0
#include "wrapper/java/errors.h"

#include <cstddef>
#include <utility>
#include <vector>

namespace aiges::java {
namespace {

struct Errors {
  std::vector<HookError> all;
  std::vector<bool> told;
  size_t current = 0;
};

thread_local Errors t_errors;

}  // namespace

void ClearErrors() {
  t_errors.all.clear();
  t_errors.told.clear();
}

int AddError(HookError error) {
  if (error.code == 0) error.code = kUserExecError;
  t_errors.all.push_back(std::move(error));
  t_errors.told.push_back(false);
  return t_errors.all.back().code;
}

int AddError(int code, std::string text) { return AddError({code, 0, std::move(text), ""}); }

const HookError* NextError(int code) {
  size_t last = t_errors.all.size();
  for (size_t i = 0; i < t_errors.all.size(); ++i) {
    if (t_errors.all[i].code != code) continue;
    last = i;
    if (!t_errors.told[i]) break;
  }
  if (last == t_errors.all.size()) return nullptr;  // Asked again, it is the last one still.
  t_errors.told[last] = true;
  t_errors.current = last;
  return &t_errors.all[last];
}

const HookError* CurrentError(int code) {
  const bool known = t_errors.current < t_errors.all.size();
  return known && t_errors.all[t_errors.current].code == code ? &t_errors.all[t_errors.current]
                                                              : nullptr;
}

}  // namespace aiges::java
