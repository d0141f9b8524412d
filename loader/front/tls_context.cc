// SPDX-License-Identifier: Apache-2.0
#include "loader/front/tls_context.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "loader/base/fd.h"
#include "loader/base/log.h"
#include "loader/base/strings.h"

namespace aiges {
namespace {

// Of TLS 1.2: those that HTTP/2 allows (RFC 9113, appendix A). TLS 1.3 has no others.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr unsigned char kSessionId[] = "aiges";
constexpr std::string_view kHttp2("\x02h2"), kHttp1("\x08http/1.1");

std::string SslError() {
  const unsigned long error = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(error);
  ERR_clear_error();
  return reason == nullptr ? "not a PEM file that can be used" : reason;
}

Status Wrong(const char* key, const std::string& file, std::string_view why) {
  return Status::Error(StatusKind::kInvalid, StrCat("[tls] ", key, " = ", file, ": ", why));
}

Status CheckReadable(const char* key, const std::string& file) {
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat about{};
  if (!fd.valid() || ::fstat(fd.get(), &about) != 0) return Wrong(key, file, ErrnoText(errno));
  if (!S_ISREG(about.st_mode)) return Wrong(key, file, "expected a file");
  return Status::Ok();
}

// RFC 7301. A client that speaks nothing of ours is told so: it may have been led here.
int ChooseProtocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in,
                   unsigned in_size, void*) {
  const std::string_view offered(reinterpret_cast<const char*>(in), in_size);
  for (const std::string_view ours : {kHttp2, kHttp1}) {
    for (size_t at = 0; at < offered.size(); at += 1 + static_cast<unsigned char>(offered[at])) {
      if (offered.substr(at, ours.size()) != ours) continue;
      *out = in + at + 1;
      *size = static_cast<unsigned char>(ours.size() - 1);
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// A key with a password would ask for it at the terminal.
int NoPassword(char*, int, int, void*) { return 0; }

void SetRules(SSL_CTX* context, const TlsSettings& settings) {
  SSL_CTX_set_min_proto_version(context,
                                settings.min_version == "1.3" ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, kCiphers);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // An idle connection holds no buffers.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // Tickets resume.
  SSL_CTX_set_session_id_context(context, kSessionId, sizeof kSessionId - 1);
  SSL_CTX_set_alpn_select_cb(context, ChooseProtocol, nullptr);
  SSL_CTX_set_default_passwd_cb(context, NoPassword);
}

Status ReadFiles(SSL_CTX* context, const TlsSettings& s) {
  ERR_clear_error();
  for (const auto& [key, file] : {std::pair{"cert", &s.cert}, std::pair{"key", &s.key},
                                  std::pair{"client_ca", &s.client_ca}}) {
    if (file->empty()) continue;
    if (Status status = CheckReadable(key, *file); !status.ok()) return status;
  }
  if (SSL_CTX_use_certificate_chain_file(context, s.cert.c_str()) != 1) {
    return Wrong("cert", s.cert, SslError());
  }
  if (SSL_CTX_use_PrivateKey_file(context, s.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return Wrong("key", s.key, SslError());
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return Wrong("key", s.key, StrCat("is not that of ", s.cert));
  }
  if (s.client_ca.empty()) return Status::Ok();
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(s.client_ca.c_str());
  if (names == nullptr ||
      SSL_CTX_load_verify_locations(context, s.client_ca.c_str(), nullptr) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return Wrong("client_ca", s.client_ca, SslError());
  }
  SSL_CTX_set_client_CA_list(context, names);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return Status::Ok();
}

}  // namespace

TlsContext::TlsContext(const TlsSettings& settings) : settings_(settings) {}

TlsContext::Marks TlsContext::Look() const {
  return {MarkOf(settings_.cert), MarkOf(settings_.key), MarkOf(settings_.client_ca)};
}

Status TlsContext::Load() {
  const Marks marks = Look();  // Before: what changes while it is read is read again.
  {
    MutexLock lock(mu_);
    seen_ = marks;
  }
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (context == nullptr) return Status::Error(StatusKind::kInternal, SslError());
  SetRules(context.get(), settings_);
  if (Status status = ReadFiles(context.get(), settings_); !status.ok()) return status;
  if (X509_cmp_current_time(X509_get0_notAfter(SSL_CTX_get0_certificate(context.get()))) < 0) {
    LogWarn("front", "[tls] cert = ", settings_.cert, ": has expired; clients will refuse it");
  }
  MutexLock lock(mu_);
  current_ = std::move(context);
  return Status::Ok();
}

void TlsContext::Follow() {
  const Marks marks = Look();
  {
    MutexLock lock(mu_);
    if (marks == seen_) return;
  }
  const Status status = Load();
  if (status.ok()) {
    LogInfo("front", "[tls] files have changed: new connections get the new ones");
  } else {
    LogWarn("front", "[tls] files have changed, the old ones stay in use: ", status.text);
  }
}

std::shared_ptr<ssl_ctx_st> TlsContext::Current() const {
  MutexLock lock(mu_);
  return current_;
}

}  // namespace aiges
