#include "xtest/targets.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "loader/base/strings.h"
#include "xtest/fetch.h"
#include "xtest/quantity.h"

namespace aiges {
namespace {

constexpr const char* kForms =
    "host:port,host:port, svc@ip:port;ip:port or consul://svc?tag=..&agent=http://host:8500";

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

Status ParseConsul(std::string_view text, Targets* out) {
  std::string_view rest = text.substr(std::string_view("consul://").size());
  const size_t mark = std::min(rest.find('?'), rest.size());
  out->consul_service = rest.substr(0, mark);
  while (!out->consul_service.empty() && out->consul_service.back() == '/') {
    out->consul_service.pop_back();
  }
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  };
  if (out->consul_service.empty() ||
      !std::all_of(out->consul_service.begin(), out->consul_service.end(), plain)) {
    return Wrong("a service name has letters, digits, '-', '_' and '.'", text);
  }
  Status status = Status::Ok();
  ForParts(rest.substr(std::min(mark + 1, rest.size())), "&", [&](std::string_view part) {
    const size_t equals = std::min(part.find('='), part.size());
    const std::string_view key = part.substr(0, equals);
    const std::string value(part.substr(std::min(equals + 1, part.size())));
    if (key == "tag" && std::all_of(value.begin(), value.end(), plain)) {
      out->consul_tag = value;
    } else if (key == "agent" && !value.empty()) {
      out->consul_agent = value.find("://") == std::string::npos ? StrCat("http://", value) : value;
    } else {
      status = Wrong(StrCat("\"", part, "\" is neither tag=name nor agent=address"), text);
    }
  });
  return status;
}

}  // namespace

Status ParseTargets(std::string_view text, std::string_view service, Targets* out) {
  Targets targets;
  if (text.substr(0, 9) == "consul://") {
    Status status = ParseConsul(text, &targets);
    if (status.ok()) *out = std::move(targets);
    return status;
  }
  // A name before "@" holds for the ";" list up to the next ",".
  std::vector<std::pair<std::string, std::string>> named;
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
      if (!IsHostAndPort(host) && bad.empty()) bad = host;
      named.emplace_back(name, host);
    });
  });
  if (!bad.empty()) return Wrong(StrCat("\"", bad, "\" is no host:port"), text);
  if (named.empty()) return Wrong("there is no address in it", text);
  for (const auto& [name, host] : named) {
    if (!names || name == service) targets.hosts.push_back(host);
  }
  if (targets.hosts.empty()) {
    // The old tool failed each call here. With one service there is no doubt what was meant.
    const std::string& only = named.front().first;
    for (const auto& [name, host] : named) {
      if (name != only) {
        return Wrong(StrCat("there is no service \"", service, "\" in it ([svcMode] service)"),
                     text);
      }
      targets.hosts.push_back(host);
    }
    targets.notice = StrCat("has the service \"", only, "\" and not \"", service,
                            "\" ([svcMode] service); its addresses are used");
  }
  targets.weights.assign(targets.hosts.size(), 1);
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
    targets->hosts.push_back(StrCat(host, ":", port->get<int>()));
    targets->weights.push_back(weight);
  }
  return Status::Ok();
}

Status ResolveTargets(Targets* targets) {
  if (targets->consul_service.empty()) return Status::Ok();
  targets->hosts.clear();
  targets->weights.clear();
  std::string url =
      StrCat(targets->consul_agent, "/v1/health/service/", targets->consul_service, "?passing=1");
  if (!targets->consul_tag.empty()) url += StrCat("&tag=", targets->consul_tag);
  std::string body;
  if (Status status = Fetch(url, 5000, &body); !status.ok()) return status;
  if (Status status = ReadConsulAnswer(body, targets); !status.ok()) return status;
  if (targets->hosts.empty()) {
    return Status::Error(
        StatusKind::kDisconnected,
        StrCat("consul://", targets->consul_service, ": Consul at ", targets->consul_agent,
               " knows no passing instance",
               targets->consul_tag.empty() ? "" : StrCat(" with the tag ", targets->consul_tag),
               "; start one, or look for the name in `consul catalog services`"));
  }
  return Status::Ok();
}

}  // namespace aiges
