// SPDX-License-Identifier: Apache-2.0
// loader/config/listen_keys.h: addresses to listen on, and [tls].
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "loader/config/key_reader.h"

namespace aiges {

// "host:port", "[::1]:port", ":port" or "unix:/path". ":" alone means port 80, as it always did.
inline constexpr const char* kAddressForms = "\"host:port\", \":port\", \"unix:/path\"";
std::optional<ListenAddress> ParseListenAddress(const std::string& text);

// [http] also_listen.
void ReadAlsoListen(KeyReader* keys, std::vector<ListenAddress>* out);
// [admin] listen; nothing where it is empty.
void ReadAdminListen(KeyReader* keys, std::optional<ListenAddress>* out);
void ReadTls(KeyReader* keys, TlsSettings* out);

}  // namespace aiges
