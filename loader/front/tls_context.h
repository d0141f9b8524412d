// SPDX-License-Identifier: Apache-2.0
// loader/front/tls_context.h: the certificate and the rules of TLS, as they are now.
//
// The files of [tls] may be replaced while the service runs: who connects from then on gets the new
// certificate, connections that are open keep what they have. Files that cannot be used leave the
// old ones in force. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "loader/api/settings.h"
#include "loader/base/file_mark.h"
#include "loader/base/mutex.h"
#include "loader/base/status.h"

struct ssl_ctx_st;

namespace aiges {

class TlsContext {
 public:
  explicit TlsContext(const TlsSettings& settings);

  // Not ok: the key of the file, and what is wrong with it.
  Status Load();
  // Loads again where a file has changed since it was looked at last; says in the log what came of
  // it. Now and then.
  void Follow();
  std::shared_ptr<ssl_ctx_st> Current() const;  // After the first Load.

 private:
  using Marks = std::array<FileMark, 3>;

  Marks Look() const;

  const TlsSettings settings_;
  mutable Mutex mu_;
  std::shared_ptr<ssl_ctx_st> current_ GUARDED_BY(mu_);
  Marks seen_ GUARDED_BY(mu_);
};

}  // namespace aiges
