// SPDX-License-Identifier: Apache-2.0
#include "xtest/targets.h"

#include <fcntl.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "loader/base/fd.h"
#include "loader/base/strings.h"
#include "xtest/fetch.h"
#include "xtest/inputs.h"
#include "xtest/quantity.h"

namespace aiges {
namespace {

constexpr const char* kForms =
    "host:port*weight,host:port, svc@ip:port;ip:port, file:peers.toml?tag=.. or "
    "consul://svc?tag=..&dc=..&agent=http://host:8500";
constexpr const char* kAgent = "http://127.0.0.1:8500";

Status Wrong(std::string_view why, std::string_view text) {
  return Status::Error(StatusKind::kInvalid,
                       StrCat("expected ", kForms, ", got \"", text, "\": ", why));
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Calls each(part) for every part that is not empty.
template <class Each>
void ForParts(std::string_view text, std::string_view separators, Each&& each) {
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(separators), text.size());
    if (std::string_view part = Trim(text.substr(0, end)); !part.empty()) each(part);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

bool IsHostAndPort(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view host = text.substr(0, colon);
  // A bare IPv6 address cannot be told from its port.
  if (host.find(':') != std::string_view::npos && (host.front() != '[' || host.back() != ']')) {
    return false;
  }
  if (host.find_first_of(" /@") != std::string_view::npos) return false;
  uint64_t port = 0;
  return ParseWhole(text.substr(colon + 1), &port) && port >= 1 && port <= 65535;
}

// As in a URL; a "%" that stands for nothing stays.
std::string Decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    int byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr ==
            text.data() + i + 3) {
      out.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

bool IsPlain(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  });
}

struct Option {
  const char* name;
  std::string* to;
  bool (*right)(const std::string& value);
};

Status ParseQuery(std::string_view query, std::string_view target,
                  const std::vector<Option>& options) {
  Status status = Status::Ok();
  ForParts(query, "&", [&](std::string_view part) {
    const size_t equals = std::min(part.find('='), part.size());
    const std::string value = Decoded(part.substr(std::min(equals + 1, part.size())));
    std::string names;
    for (const Option& option : options) {
      names += StrCat(names.empty() ? "" : ", ", option.name);
      if (part.substr(0, equals) != option.name || !option.right(value)) continue;
      *option.to = value;
      return;
    }
    status = Wrong(StrCat("\"", part, "\" is none of its options ", names), target);
  });
  return status;
}

// "host:port*3".
bool ParseHost(std::string_view text, std::string* host, unsigned* weight) {
  constexpr uint64_t kMostWeight = 1'000'000;
  const size_t star = std::min(text.find('*'), text.size());
  uint64_t number = 1;
  if (star < text.size() &&
      (!ParseWhole(text.substr(star + 1), &number) || number < 1 || number > kMostWeight)) {
    return false;
  }
  *host = text.substr(0, star);
  *weight = static_cast<unsigned>(number);
  return IsHostAndPort(*host);
}

Status ParseConsul(std::string_view text, Targets* out) {
  std::string_view rest = text.substr(std::string_view("consul://").size());
  const size_t mark = std::min(rest.find('?'), rest.size());
  out->consul_service = rest.substr(0, mark);
  while (!out->consul_service.empty() && out->consul_service.back() == '/') {
    out->consul_service.pop_back();
  }
  if (out->consul_service.empty() || !IsPlain(out->consul_service)) {
    return Wrong("a service name has letters, digits, '-', '_' and '.'", text);
  }
  const auto path = [](const std::string& value) { return !value.empty(); };
  return ParseQuery(rest.substr(std::min(mark + 1, rest.size())), text,
                    {{"tag", &out->tag, IsPlain},
                     {"dc", &out->consul_dc, IsPlain},
                     {"agent", &out->consul_agent, path},
                     {"ca", &out->ca, path},
                     {"cert", &out->cert, path},
                     {"key", &out->key, path}});
}

Status ParseFile(std::string_view text, Targets* out) {
  std::string_view rest = text.substr(std::string_view("file:").size());
  if (rest.substr(0, 2) == "//") rest.remove_prefix(2);
  const size_t mark = std::min(rest.find('?'), rest.size());
  out->file = rest.substr(0, mark);
  if (out->file.empty()) return Wrong("there is no path in it", text);
  const auto any = [](const std::string&) { return true; };
  return ParseQuery(rest.substr(std::min(mark + 1, rest.size())), text,
                    {{"service", &out->file_service, any}, {"tag", &out->tag, any}});
}

std::string FromEnvironment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets any.
  return value == nullptr ? "" : value;
}

// What the target leaves open, as Consul's own tools have it.
Credentials CredentialsOf(const Targets& targets) {
  const auto or_else = [](const std::string& given, const char* name) {
    return given.empty() ? FromEnvironment(name) : given;
  };
  Credentials out{"", or_else(targets.ca, "CONSUL_CACERT"),
                  or_else(targets.cert, "CONSUL_CLIENT_CERT"),
                  or_else(targets.key, "CONSUL_CLIENT_KEY")};
  if (const std::string token = FromEnvironment("CONSUL_HTTP_TOKEN"); !token.empty()) {
    out.header = StrCat("X-Consul-Token: ", token);
  }
  return out;
}

// One address twice is one host: after a restart under another ID both stand in Consul for a while.
void AddHost(std::string host, std::string http, unsigned weight, Targets* targets) {
  if (std::count(targets->hosts.begin(), targets->hosts.end(), host) != 0) return;
  targets->hosts.push_back(std::move(host));
  targets->http_hosts.push_back(std::move(http));
  targets->weights.push_back(weight);
}

Status ResolveFile(Targets* targets) {
  Fd fd(::open(targets->file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    const int error = errno;
    return Status::Error(StatusKind::kInvalid,
                         StrCat("cannot open ", targets->file, ": ", ErrnoText(error)));
  }
  std::string text;
  if (Status status = ReadWhole(fd.get(), targets->file, &text); !status.ok()) return status;
  return ReadPeers(targets->file, text, targets);
}

}  // namespace

Status ParseTargets(std::string_view text, std::string_view service, Targets* out) {
  Targets targets;
  const bool file = text.substr(0, 5) == "file:";
  if (file || text.substr(0, 9) == "consul://") {
    Status status = file ? ParseFile(text, &targets) : ParseConsul(text, &targets);
    if (status.ok()) *out = std::move(targets);
    return status;
  }
  // A name before "@" holds for the ";" list up to the next ",".
  struct Named {
    std::string name, host;
    unsigned weight = 1;
  };
  std::vector<Named> named;
  std::string bad;
  bool names = false;
  ForParts(text, ",", [&](std::string_view group) {
    std::string name;
    if (const size_t at = group.find('@'); at != std::string_view::npos) {
      name = Trim(group.substr(0, at));
      group.remove_prefix(at + 1);
      names = true;
    }
    ForParts(group, ";", [&](std::string_view host) {
      Named& one = named.emplace_back();
      one.name = name;
      if (!ParseHost(host, &one.host, &one.weight) && bad.empty()) bad = host;
    });
  });
  if (!bad.empty()) return Wrong(StrCat("\"", bad, "\" is no host:port or host:port*weight"), text);
  if (named.empty()) return Wrong("there is no address in it", text);
  const auto take = [&targets](const Named& one) {
    targets.hosts.push_back(one.host);
    targets.weights.push_back(one.weight);
  };
  for (const Named& one : named) {
    if (!names || one.name == service) take(one);
  }
  if (targets.hosts.empty()) {
    // The old tool failed each call here. With one service there is no doubt what was meant.
    const std::string& only = named.front().name;
    for (const Named& one : named) {
      if (one.name != only) {
        return Wrong(StrCat("there is no service \"", service, "\" in it ([svcMode] service)"),
                     text);
      }
      take(one);
    }
    targets.notice = StrCat("has the service \"", only, "\" and not \"", service,
                            "\" ([svcMode] service); its addresses are used");
  }
  *out = std::move(targets);
  return Status::Ok();
}

Status ReadConsulAnswer(const std::string& json, Targets* targets) {
  const nlohmann::json list = nlohmann::json::parse(json, nullptr, false);
  if (!list.is_array()) {
    return Status::Error(StatusKind::kInvalid,
                         "Consul: expected a JSON list of services, got other");
  }
  const auto text = [](const nlohmann::json& o, const char* section, const char* key) {
    const auto at = o.find(section);
    if (at == o.end() || !at->is_object()) return std::string();
    const auto value = at->find(key);
    return value != at->end() && value->is_string() ? value->get<std::string>() : std::string();
  };
  for (const nlohmann::json& entry : list) {
    if (!entry.is_object() || !entry.contains("Service") || !entry["Service"].is_object()) continue;
    const nlohmann::json& service = entry["Service"];
    std::string host = text(entry, "Service", "Address");
    if (host.empty()) host = text(entry, "Node", "Address");
    const auto port = service.find("Port");
    if (host.empty() || port == service.end() || !port->is_number_integer()) continue;
    if (host.find(':') != std::string::npos) host = StrCat("[", host, "]");
    unsigned weight = 1;
    if (const auto w = service.find("Weights"); w != service.end() && w->is_object()) {
      const auto passing = w->find("Passing");
      if (passing != w->end() && passing->is_number_unsigned()) {
        weight = std::max(1u, passing->get<unsigned>());
      }
    }
    std::string http;
    if (const auto meta = service.find("Meta"); meta != service.end() && meta->is_object()) {
      uint64_t number = 0;
      const auto said = meta->find("http_port");
      if (said != meta->end() && said->is_string() &&
          ParseWhole(said->get<std::string>(), &number) && number >= 1 && number <= 65535) {
        http = StrCat(host, ":", number);
      }
    }
    AddHost(StrCat(host, ":", port->get<int>()), std::move(http), weight, targets);
  }
  return Status::Ok();
}

Status ReadPeers(const std::string& name, const std::string& text, Targets* targets) {
  const auto wrong = [&name](size_t number, const std::string& why) {
    return Status::Error(StatusKind::kInvalid, StrCat(name, ": peer ", number, ": ", why));
  };
  toml::table table;
  try {
    table = toml::parse(text, name);
  } catch (const toml::parse_error& e) {
    return Status::Error(StatusKind::kInvalid, StrCat(name, ":", e.source().begin.line,
                                                      ": not valid TOML: ", e.description()));
  }
  const toml::array* peers = table["peer"].as_array();
  for (size_t i = 0; peers != nullptr && i < peers->size(); ++i) {
    const toml::table* peer = (*peers)[i].as_table();
    if (peer == nullptr) return wrong(i + 1, "expected a [[peer]] table");
    const std::string address = (*peer)["address"].value_or(std::string());
    const std::string http = (*peer)["http_address"].value_or(std::string());
    const int64_t weight = (*peer)["weight"].value_or(int64_t{1});
    for (const std::string& a : {address, http.empty() ? address : http}) {
      if (!IsHostAndPort(a)) return wrong(i + 1, StrCat("expected host:port, got \"", a, "\""));
    }
    if (weight < 1 || weight > 1'000'000) {
      return wrong(i + 1, StrCat("expected a weight of 1 or more, got ", weight));
    }
    const std::string service = (*peer)["service"].value_or(std::string());
    if (!targets->file_service.empty() && !service.empty() && service != targets->file_service) {
      continue;
    }
    bool tagged = targets->tag.empty();
    if (const toml::array* tags = (*peer)["tags"].as_array(); tags != nullptr) {
      for (const toml::node& tag : *tags) tagged |= tag.value_or(std::string()) == targets->tag;
    }
    if (tagged) AddHost(address, http, static_cast<unsigned>(weight), targets);
  }
  return Status::Ok();
}

Status ResolveTargets(Targets* targets) {
  if (!targets->registry()) return Status::Ok();
  targets->hosts.clear();
  targets->weights.clear();
  targets->http_hosts.clear();
  const std::string with =
      targets->tag.empty() ? std::string() : StrCat(" with the tag ", targets->tag);
  if (!targets->file.empty()) {
    Status status = ResolveFile(targets);
    if (status.ok() && targets->hosts.empty()) {
      status = Status::Error(
          StatusKind::kInvalid,
          StrCat(targets->file, ": expected [[peer]] tables with an address", with, ", got none"));
    }
    return status;
  }
  std::string agent = targets->consul_agent;
  if (agent.empty()) agent = FromEnvironment("CONSUL_HTTP_ADDR");
  if (agent.empty()) agent = kAgent;
  if (agent.find("://") == std::string::npos) agent.insert(0, "http://");
  std::string url = StrCat(agent, "/v1/health/service/", targets->consul_service, "?passing=1");
  if (!targets->tag.empty()) url += StrCat("&tag=", targets->tag);
  if (!targets->consul_dc.empty()) url += StrCat("&dc=", targets->consul_dc);
  std::string body;
  if (Status status = Fetch(url, 5000, &body, CredentialsOf(*targets)); !status.ok()) return status;
  if (Status status = ReadConsulAnswer(body, targets); !status.ok()) return status;
  if (targets->hosts.empty()) {
    return Status::Error(StatusKind::kDisconnected,
                         StrCat("consul://", targets->consul_service, ": Consul at ", agent,
                                " knows no passing instance", with,
                                "; start one, or look for the name in `consul catalog services`"));
  }
  return Status::Ok();
}

Status TakeHttpHosts(Targets* targets) {
  Targets kept = *targets;
  kept.hosts.clear();
  kept.http_hosts.clear();
  kept.weights.clear();
  std::string without;
  for (size_t i = 0; i < targets->http_hosts.size(); ++i) {
    const std::string& http = targets->http_hosts[i];
    if (http.empty()) {
      without += StrCat(without.empty() ? "" : ", ", targets->hosts[i]);
    } else {
      AddHost(http, http, targets->weights[i], &kept);
    }
  }
  if (kept.hosts.empty()) {
    return Status::Error(StatusKind::kInvalid,
                         StrCat("expected the HTTP port of the hosts (http_port in the meta of "
                                "Consul, http_address in a file), got none for ",
                                without, "; take a gRPC protocol, or give -target=host:port"));
  }
  if (!without.empty()) {
    kept.notice = StrCat(without, ": not used, there is no HTTP port of it in the registry");
  }
  *targets = std::move(kept);
  return Status::Ok();
}

}  // namespace aiges
