// SPDX-License-Identifier: Apache-2.0
#include "loader/instances/confine.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>

#include "loader/base/numbers.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

// The user that workers of root become where there is one.
constexpr char kUsualUser[] = "aiges-worker";

// What every worker gets: of the system, Python, GPUs and the frameworks on them, and what engines
// of the systems that AIGES speaks for are told by (docs/compat).
constexpr std::string_view kAlways[] = {
    "PATH",        "HOME",           "USER",         "LOGNAME",    "SHELL",
    "PWD",         "TERM",           "LANG",         "LANGUAGE",   "LC_*",
    "TZ",          "TMPDIR",         "HOSTNAME",     "XDG_*",      "PYTHON*",
    "JAVA_*",      "JDK_*",          "VIRTUAL_ENV",  "CONDA_*",    "LD_LIBRARY_PATH",
    "LD_PRELOAD",  "MALLOC_*",       "*SAN_OPTIONS", "SSL_CERT_*", "REQUESTS_CA_BUNDLE",
    "CUDA*",       "NVIDIA*",        "NCCL_*",       "HIP_*",      "ROCR_*",
    "OMP_*",       "GOMP_*",         "KMP_*",        "MKL_*",      "OPENBLAS_*",
    "ORT_*",       "TORCH*",         "PYTORCH_*",    "TF_*",       "XLA_*",
    "HF_*",        "TRANSFORMERS_*", "TOKENIZERS_*", "VLLM_*",     "GLOG_*",
    "FLAGS_*",     "OTEL_*",         "PROMETHEUS_*", "AIGES*",     "AIPOD_*",
    "MODEL*",      "MLSERVER_*",     "OPENBAYES_*",  "PADDLE_*",   "PREDICTIVE_UNIT_*",
    "PREDICTOR_*", "SELDON_*",       "SERVING_*",    "TRITON*",    "INFERENCE_SERVICE_NAME"};
constexpr std::string_view kSecretWords[] = {"TOKEN",  "SECRET", "SECRETS",    "PASSWORD", "PASSWD",
                                             "APIKEY", "KEY",    "PASSPHRASE", "AUTH"};
constexpr std::string_view kSecretEnds[] = {"PASS", "PWD", "KEYS"};
constexpr std::string_view kPlaces[] = {"FILE", "PATH", "DIR"};

bool Contains(const auto& list, std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

// '*' stands for any run.
bool Fits(std::string_view name, std::string_view pattern) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return name == pattern;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  name.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  for (size_t skip = 0; skip <= name.size(); ++skip) {
    if (Fits(name.substr(skip), pattern)) return true;
  }
  return false;
}

std::string Upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name, home;
};

std::optional<User> FindUser(const std::string& name) {
  std::array<char, 16384> room{};
  passwd entry{}, *found = nullptr;
  uid_t number = 0;
  if (ReadWhole(name, &number)) {
    ::getpwuid_r(number, &entry, room.data(), room.size(), &found);
    if (found == nullptr) return User{number, number, "", "/"};
  } else {
    ::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found);
    if (found == nullptr) return std::nullopt;
  }
  return User{found->pw_uid, found->pw_gid, found->pw_name, found->pw_dir};
}

bool FindGroup(const std::string& name, gid_t* out) {
  if (ReadWhole(name, out)) return true;
  std::array<char, 16384> room{};
  group entry{}, *found = nullptr;
  ::getgrnam_r(name.c_str(), &entry, room.data(), room.size(), &found);
  if (found != nullptr) *out = found->gr_gid;
  return found != nullptr;
}

std::vector<std::string> GroupsOf(const User& user) {
  std::vector<gid_t> groups(64);
  int count = static_cast<int>(groups.size());
  if (user.name.empty() || ::getgrouplist(user.name.c_str(), user.gid, groups.data(), &count) < 0) {
    return {std::to_string(user.gid)};
  }
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) out.push_back(std::to_string(groups[static_cast<size_t>(i)]));
  return out;
}

Status SetUser(const std::string& wanted, SpawnPlan* plan) {
  const bool usual = wanted.empty();
  if (usual && ::geteuid() != 0) return Status::Ok();
  const std::string name = usual ? kUsualUser : wanted.substr(0, wanted.find(':'));
  std::optional<User> user = FindUser(name);
  if (usual && !user) return Status::Ok();
  if (!user) {
    return Status::Error(StatusKind::kInvalid,
                         StrCat("[sandbox] user: no such user: ", name,
                                " (expected a name that is there, or a number, as 10001:10001)"));
  }
  const size_t colon = wanted.find(':');
  if (colon != std::string::npos && !FindGroup(wanted.substr(colon + 1), &user->gid)) {
    return Status::Error(StatusKind::kInvalid,
                         StrCat("[sandbox] user: no such group: ", wanted.substr(colon + 1)));
  }
  if (user->uid == ::geteuid()) return Status::Ok();
  plan->confinement.uid = user->uid;
  plan->confinement.gid = user->gid;
  plan->confinement.groups = GroupsOf(*user);
  plan->environment.push_back(StrCat("HOME=", user->home));
  if (!user->name.empty()) {
    plan->environment.push_back(StrCat("USER=", user->name));
    plan->environment.push_back(StrCat("LOGNAME=", user->name));
  }
  return Status::Ok();
}

}  // namespace

bool LooksSecret(std::string_view name) {
  const std::string upper = Upper(name);
  std::string_view rest = upper, word;
  bool found = upper == "SSH_AUTH_SOCK";
  size_t words = 0;
  for (bool more = true; more; ++words) {
    const size_t end = rest.find('_');
    more = end != std::string_view::npos;
    word = rest.substr(0, end);
    found = found || Contains(kSecretWords, word) || word.ends_with("APIKEY");
    if (more) rest.remove_prefix(end + 1);
  }
  if (words > 1 && Contains(kSecretEnds, word)) found = true;
  return found && !Contains(kPlaces, word);
}

bool PassesEnvironment(std::string_view name, const std::vector<std::string>& rules) {
  const bool secret = LooksSecret(name);
  for (const std::string& rule : rules) {
    if (rule == "plain" ? !secret : Fits(name, rule)) return true;
  }
  return !secret && std::any_of(std::begin(kAlways), std::end(kAlways),
                                [&](std::string_view rule) { return Fits(name, rule); });
}

std::string MissingOfLandlock(int abi) {
  if (abi == 0) {
    return "this kernel has no Landlock (expected Linux 5.13 or later with it switched on): a "
           "worker can read and write all files of its user";
  }
  std::string missing;
  if (abi < 3) missing += ", emptying files that it may read";
  if (abi < 6) missing += ", signals to other processes of its user";
  if (missing.empty()) return "";
  return StrCat("Landlock of this kernel (ABI ", abi, ") does not keep a worker from",
                std::string_view(missing).substr(1));
}

Status Confine(const InstanceSettings& settings, SpawnPlan* plan) {
  const SandboxSettings& s = settings.sandbox;
  Confinement& c = plan->confinement;
  c.no_new_privs = s.no_new_privs;
  c.no_core = !s.core;
  c.open_files = s.open_files;
  c.file_bytes = s.file_mb << 20;
  c.processes = s.processes;
  c.network = s.network;
  c.strict = s.strict;
  c.read = s.read;
  c.write = s.write;
  if (s.strict) c.hidden = s.hidden;
  plan->passes = s.environment;
  plan->cgroup = {s.cgroup, s.memory_mb << 20, s.cpu_percent, s.pids};
  return SetUser(s.user, plan);
}

}  // namespace aiges
