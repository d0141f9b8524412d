// SPDX-License-Identifier: Apache-2.0
// xtest/fetch.h: the body behind an http URL, for /metrics and Consul. Waits; not for a loop.
#pragma once

#include <string>

#include "loader/base/status.h"

namespace aiges {

// What a server may ask of its readers; files are PEM, empty: none, the certificates of the system.
struct Credentials {
  std::string header;  // "X-Consul-Token: ..".
  std::string ca, cert, key;
};

// Anything but status 200 is an error that names the URL. At most 16 MB and `timeout_ms`.
Status Fetch(const std::string& url, long timeout_ms, std::string* body,
             const Credentials& credentials = {});

}  // namespace aiges
