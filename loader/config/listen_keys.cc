// SPDX-License-Identifier: Apache-2.0
#include "loader/config/listen_keys.h"

#include <algorithm>
#include <cstdlib>

namespace aiges {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr size_t kMostPath = 107;  // sockaddr_un, with the zero at the end.
constexpr int kMostPort = 65535;

bool IsNumber(const std::string& text) {
  return text.size() <= 5 && std::all_of(text.begin(), text.end(), ::isdigit);
}

}  // namespace

std::optional<ListenAddress> ParseListenAddress(const std::string& text) {
  ListenAddress address;
  if (text.starts_with(kUnix)) {
    address.path = text.substr(kUnix.size());
    if (address.path.empty() || address.path.size() > kMostPath) return std::nullopt;
    return address;
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  address.host = text.substr(0, colon);
  const std::string port = text.substr(colon + 1);
  if (address.host.size() >= 2 && address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  if (!IsNumber(port)) return std::nullopt;
  const int number = port.empty() ? 80 : std::atoi(port.c_str());
  if (number > kMostPort) return std::nullopt;
  address.port = static_cast<uint16_t>(number);
  return address;
}

void ReadAlsoListen(KeyReader* keys, std::vector<ListenAddress>* out) {
  std::vector<std::string> all;
  TomlFile& file = keys->file();
  file.Strings("http", "also_listen", &all);
  std::string shown;
  for (const std::string& each : all) {
    StrAppend(&shown, shown.empty() ? "" : ", ", '"', each, '"');
    if (const std::optional<ListenAddress> address = ParseListenAddress(each)) {
      out->push_back(*address);
    } else {
      file.AddError("http", "also_listen",
                    StrCat("expected ", kAddressForms, ", got \"", each, '"'));
    }
  }
  keys->Note("http", "also_listen", StrCat('[', shown, ']'));
}

void ReadAdminListen(KeyReader* keys, std::optional<ListenAddress>* out) {
  std::string listen;
  keys->Text("admin", "listen", &listen);
  if (listen.empty()) return;
  *out = ParseListenAddress(listen);
  if (*out) return;
  keys->file().AddError("admin", "listen",
                        StrCat("expected ", kAddressForms, ", got \"", listen, "\""));
}

void ReadTls(KeyReader* keys, TlsSettings* out) {
  keys->Text("tls", "cert", &out->cert);
  keys->Text("tls", "key", &out->key);
  keys->Text("tls", "client_ca", &out->client_ca);
  keys->Word("tls", "min_version", {"1.2", "1.3"}, &out->min_version);
  TomlFile& file = keys->file();
  file.Strings("tls", "plain", &out->plain);
  std::string shown;
  for (const std::string& item : out->plain) {
    StrAppend(&shown, shown.empty() ? "" : ", ", '"', item, '"');
  }
  keys->Note("tls", "plain", StrCat('[', shown, ']'));
  for (const std::string& item : out->plain) {
    const bool port = !item.empty() && IsNumber(item) && std::atoi(item.c_str()) <= kMostPort;
    if (port || ParseListenAddress(item)) continue;
    file.AddError("tls", "plain",
                  StrCat("expected ports and addresses, as \"9000\", \"127.0.0.1:9000\" or "
                         "\"unix:/path\", got \"",
                         item, "\""));
  }
  if (out->cert.empty() != out->key.empty()) {
    const char* there = out->cert.empty() ? "key" : "cert";
    file.AddError("tls", out->cert.empty() ? "cert" : "key",
                  StrCat("expected a file beside [tls] ", there, ", got none"));
  }
  if (!out->cert.empty() || !out->key.empty()) return;
  // Who asks for certificates of clients must not get a port without.
  if (!out->client_ca.empty()) {
    file.AddError("tls", "client_ca", "expected [tls] cert and key with it, got none");
  }
  if (!out->plain.empty()) {
    file.AddError("tls", "plain", "expected [tls] cert and key with it, got none");
  }
}

}  // namespace aiges
