// SPDX-License-Identifier: Apache-2.0
#include "xtest/free_request.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "loader/base/fd.h"
#include "loader/base/strings.h"
#include "xtest/inputs.h"

namespace aiges {
namespace {

Status Wrong(const char* flag, std::string text) {
  return Status::Error(StatusKind::kInvalid, StrCat("--", flag, ": ", text));
}

bool IsPlain(const std::string& text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u < 0x20 || u == 0x7f;
  });
}

bool HasSpace(const std::string& text) { return text.find(' ') != std::string::npos; }

Status ReadFields(const Options& options, Pairs* out) {
  for (const std::string& line : options.headers) {
    const size_t colon = line.find(':');
    if (colon == 0 || colon == std::string::npos || !IsPlain(line)) {
      return Wrong("header", StrCat("expected \"Name: value\", got \"", line, "\""));
    }
    const size_t value = std::min(line.find_first_not_of(' ', colon + 1), line.size());
    out->emplace_back(line.substr(0, colon), line.substr(value));
  }
  return Status::Ok();
}

Status ReadBody(const std::string& file, std::shared_ptr<const std::string>* out) {
  std::string body;
  if (!file.empty()) {
    const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return Wrong("body", StrCat("cannot open ", file, ": ", ErrnoText(errno)));
    if (Status status = ReadWhole(fd.get(), file, &body); !status.ok()) return status;
  }
  *out = std::make_shared<const std::string>(std::move(body));
  return Status::Ok();
}

}  // namespace

Status ReadFreeRequest(const Options& options, Plan* plan) {
  FreeRequest& free = plan->free;
  const bool grpc = plan->protocol == Protocol::kGrpc;
  if (!IsFree(plan->protocol)) {
    const bool none = options.method.empty() && options.path.empty() && options.headers.empty() &&
                      options.body.empty();
    return none ? Status::Ok()
                : Status::Error(StatusKind::kInvalid,
                                "--method, --path, --header and --body: expected "
                                "--protocol=http or --protocol=grpc with them");
  }
  if (grpc && !options.method.empty()) {
    return Wrong("method", "expected --path=/package.Service/Method alone with --protocol=grpc");
  }
  const bool named = options.path.size() > 1 && options.path.front() == '/' &&
                     std::count(options.path.begin(), options.path.end(), '/') == 2;
  if (grpc && !named) {
    return Wrong("path", StrCat("expected /package.Service/Method, got \"", options.path, "\""));
  }
  if (!options.path.empty()) free.path = options.path;
  if (free.path.front() != '/' || !IsPlain(free.path) || HasSpace(free.path)) {
    return Wrong("path", StrCat("expected a path that begins with /, got \"", free.path, "\""));
  }
  free.method = !options.method.empty() ? options.method : options.body.empty() ? "GET" : "POST";
  if (!IsPlain(free.method) || HasSpace(free.method)) {
    return Wrong("method", StrCat("expected GET, POST, .., got \"", free.method, "\""));
  }
  Status status = ReadFields(options, &free.fields);
  if (status.ok()) status = ReadBody(options.body, &free.body);
  return status;
}

}  // namespace aiges
