// SPDX-License-Identifier: Apache-2.0
#include "loader/config/registry_keys.h"

#include <cstdlib>

namespace aiges {
namespace {

void FromEnvironment(const char* name, std::string* out) {
  const char* value = std::getenv(name);
  if (value != nullptr && *value != '\0') *out = value;
}

bool StartsWith(const std::string& text, std::string_view begin) {
  return text.compare(0, begin.size(), begin) == 0;
}

// "file:/folder", "file:///folder", "http://agent:8500", "consul:8500".
void ReadUrl(KeyReader* keys, RegistrySettings* out) {
  std::string& url = out->url;
  if (StartsWith(url, "file:")) {
    url = url.substr(5);
    if (StartsWith(url, "//")) url = url.substr(2);
    out->backend = "file";
  } else if (out->backend != "file" && !url.empty() && url.find("://") == std::string::npos) {
    url = "http://" + url;
  }
  if (out->backend == "file" && url.find("://") != std::string::npos) {
    keys->file().AddError("registry", "url", StrCat("expected a folder, got ", url));
  }
  while (url.size() > 1 && url.back() == '/') url.pop_back();
  if (out->backend == "consul" && !StartsWith(url, "http://") && !StartsWith(url, "https://")) {
    keys->file().AddError("registry", "url",
                          StrCat("expected http://host:port or https://host:port, got ", url));
  }
}

}  // namespace

void ReadRegistry(KeyReader* keys, const Flags& flags, RegistrySettings* out) {
  constexpr const char* kSection = "registry";
  int64_t finder = 0;
  keys->file().Int(flags.service, "finder", 0, 1, &finder);
  out->central = flags.mode == 1;
  out->announce = out->central || finder == 1;
  out->backend = out->announce ? "consul" : "none";
  out->url = "http://127.0.0.1:8500";
  FromEnvironment("CONSUL_HTTP_ADDR", &out->url);
  FromEnvironment("CONSUL_HTTP_TOKEN", &out->token);
  FromEnvironment("CONSUL_CACERT", &out->ca_file);
  FromEnvironment("CONSUL_CLIENT_CERT", &out->cert_file);
  FromEnvironment("CONSUL_CLIENT_KEY", &out->key_file);
  FromEnvironment("AIGES_WRAPPER_VERSION", &out->version);

  keys->Word(kSection, "backend", {"none", "file", "consul"}, &out->backend);
  if (!out->central && out->backend != "none") out->announce = true;
  keys->Text(kSection, "url", &out->url);
  keys->Text(kSection, "project", &out->project);
  keys->Text(kSection, "group", &out->group);
  keys->Text(kSection, "version", &out->version);
  keys->Text(kSection, "address", &out->address);
  keys->Int(kSection, "weight", 1, 1000, &out->weight);
  keys->Texts(kSection, "tags", &out->tags);
  std::string check = "grpc";
  keys->Word(kSection, "check", {"grpc", "ttl"}, &check);
  out->grpc_check = check == "grpc";
  keys->Int(kSection, "ttl_ms", 300, 3'600'000, &out->ttl_ms);
  keys->Int(kSection, "deregister_after_s", 60, 86'400, &out->deregister_after_s);
  keys->Text(kSection, "token", &out->token);
  keys->Text(kSection, "ca_file", &out->ca_file);
  keys->Text(kSection, "cert_file", &out->cert_file);
  keys->Text(kSection, "key_file", &out->key_file);

  if (!flags.project.empty()) out->project = flags.project;
  if (!flags.group.empty()) out->group = flags.group;
  // Start scripts give -u also where nothing is asked of it.
  if (!flags.companion.empty() && out->announce) out->url = flags.companion;
  if (out->announce) ReadUrl(keys, out);
}

}  // namespace aiges
