// SPDX-License-Identifier: Apache-2.0
// loader/access/grant.h: who somebody is, and what that one may.
//
// Rights are words: "call" (all services), "call:<service>" and "admin". They mean the same
// whatever kind of credential they came with. A value.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "loader/base/status.h"

namespace aiges {

struct Grant {
  std::string id;
  bool admin = false;
  bool calls_all = false;
  std::vector<std::string> models;  // That it may call.

  bool MayCall(std::string_view model) const;
  // False: it is none of the words above.
  bool AddRight(std::string_view right);
};

// Alone, or a part of the table that it stands in.
using GrantRef = std::shared_ptr<const Grant>;

// Of a file: words with commas between. Not ok: one that is no right.
Status ReadRights(std::string_view text, Grant* grant);

// Of ids and models: what stands in logs and configuration without quotes.
bool IsName(std::string_view text);
// Of ids that others have chosen, in tokens and certificates: can stand in a header and in a log.
bool IsVisibleId(std::string_view text);

}  // namespace aiges
