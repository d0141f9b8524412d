// SPDX-License-Identifier: Apache-2.0
#include "xtest/tls_files.h"

#include <utility>

#include "loader/base/strings.h"

namespace aiges {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

std::string Cannot(const char* flag, const std::string& file, const error_code& error) {
  return StrCat("--", flag, ": cannot use ", file, ": ", error.message(),
                "; expected a file in PEM form");
}

}  // namespace

std::unique_ptr<ssl::context> MakeTlsContext(const TlsFiles& files, std::string* problem) {
  if (!files.on()) return nullptr;
  auto context = std::make_unique<ssl::context>(ssl::context::tls_client);
  error_code error;
  context->set_verify_mode(ssl::verify_peer, error);
  if (files.ca == TlsFiles::kSystem) {
    context->set_default_verify_paths(error);
  } else {
    context->load_verify_file(files.ca, error);
  }
  if (error) *problem = Cannot("ca", files.ca, error);
  if (!files.cert.empty()) {
    context->use_certificate_chain_file(files.cert, error);
    if (error) *problem = Cannot("cert", files.cert, error);
    context->use_private_key_file(files.key, ssl::context::pem, error);
    if (error) *problem = Cannot("key", files.key, error);
  }
  return context;
}

Status CheckTlsFiles(const TlsFiles& files) {
  const bool pair = files.cert.empty() == files.key.empty();
  if (!pair) {
    return Status::Error(StatusKind::kInvalid, "--cert and --key: expected both or none");
  }
  if (!files.on() && !files.cert.empty()) {
    return Status::Error(StatusKind::kInvalid, "--cert: expected --ca with it");
  }
  std::string problem;
  MakeTlsContext(files, &problem);
  return problem.empty() ? Status::Ok() : Status::Error(StatusKind::kInvalid, std::move(problem));
}

}  // namespace aiges
