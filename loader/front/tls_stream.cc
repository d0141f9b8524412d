// SPDX-License-Identifier: Apache-2.0
#include "loader/front/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr size_t kRecord = 16 * 1024;       // The longest of TLS.
constexpr size_t kReady = 128 * 1024;       // What is encrypted before it can be sent.
constexpr size_t kMostAnswer = 256 * 1024;  // Of what a client makes OpenSSL answer, unread.
constexpr size_t kMostHandshake = 64 * 1024;
constexpr size_t kMostName = 256;

// What can stand in a log and in a header.
std::string Printable(const ASN1_STRING* text) {
  const auto* data = reinterpret_cast<const char*>(ASN1_STRING_get0_data(text));
  const auto size = static_cast<size_t>(ASN1_STRING_length(text));
  const bool good = size <= kMostName && std::all_of(data, data + size, [](unsigned char c) {
                      return c >= 0x20 && c != 0x7f;
                    });
  return good ? std::string(data, size) : "";
}

std::string CommonName(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return "";
  return Printable(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

std::string AlternativeName(const X509* certificate) {
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  std::string name;
  for (int i = 0; i < sk_GENERAL_NAME_num(names) && name.empty(); ++i) {
    const GENERAL_NAME* one = sk_GENERAL_NAME_value(names, i);
    const bool text = one->type == GEN_DNS || one->type == GEN_URI || one->type == GEN_EMAIL;
    if (text) name = Printable(one->d.ia5);
  }
  GENERAL_NAMES_free(names);
  return name;
}

// Of these kinds, with `kind` before them.
void AddNames(const X509* certificate, int type, const char* kind, std::vector<std::string>* out) {
  constexpr size_t kMostNames = 64;
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names) && out->size() < kMostNames; ++i) {
    const GENERAL_NAME* one = sk_GENERAL_NAME_value(names, i);
    if (one->type != type) continue;
    const std::string name = Printable(one->d.ia5);
    if (!name.empty()) out->push_back(kind + name);
  }
  GENERAL_NAMES_free(names);
}

}  // namespace

// Reads from what is here and then, once the handshake is done, from the inner stream; what is
// written is gathered.
struct TlsBio {
  static int Read(BIO* bio, char* to, int room) {
    auto& s = *static_cast<TlsStream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (room <= 0) return 0;
    if (!s.in_.empty()) {
      const size_t n = std::min(s.in_.size(), static_cast<size_t>(room));
      std::memcpy(to, s.in_.data(), n);
      s.in_.erase(0, n);
      if (s.in_.empty()) s.in_ = {};
      return static_cast<int>(n);
    }
    if (s.open_ && !s.dry_) {
      const ByteStream::Moved got = s.inner_->Read(to, static_cast<size_t>(room));
      s.dry_ = got.n < static_cast<size_t>(room);
      if (got.result == ByteStream::Result::kDone) return static_cast<int>(got.n);
      s.ended_ = got.result == ByteStream::Result::kEnd;
      s.lost_ = got.result == ByteStream::Result::kLost;
      if (s.ended_ || s.lost_) return 0;
    }
    BIO_set_retry_read(bio);
    return -1;
  }
  static int Write(BIO* bio, const char* data, int size) {
    auto& s = *static_cast<TlsStream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    s.out_.append(data, static_cast<size_t>(size));
    return size;
  }
  static long Control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static BIO* Make(TlsStream* stream) {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "byte stream");
      BIO_meth_set_read(m, Read);
      BIO_meth_set_write(m, Write);
      BIO_meth_set_ctrl(m, Control);
      return m;
    }();
    BIO* bio = BIO_new(method);
    BIO_set_data(bio, stream);
    BIO_set_init(bio, 1);
    return bio;
  }
};

TlsStream::TlsStream(std::unique_ptr<ByteStream> inner, std::string_view begun,
                     const std::shared_ptr<ssl_ctx_st>& context, Lane* lane)
    : inner_(std::move(inner)),
      lane_(*lane),
      ssl_(SSL_new(context.get())),
      in_(begun),
      alive_(std::make_shared<int>(0)) {
  BIO* bio = TlsBio::Make(this);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_accept_state(ssl_);
}

TlsStream::~TlsStream() { SSL_free(ssl_); }

TlsStream::Progress TlsStream::Gather(char* scratch, size_t size) {
  const Moved got = inner_->Read(scratch, std::min(size, kMostHandshake));
  if (got.result == Result::kAgain) return Progress::kAgain;
  if (got.result != Result::kDone) return Progress::kFailed;
  in_.append(scratch, got.n);
  return in_.size() > kMostHandshake ? Progress::kFailed : Progress::kDone;
}

TlsStream::Progress TlsStream::Step() {
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_);
  if (done == 1) return Progress::kDone;
  if (SSL_get_error(ssl_, done) == SSL_ERROR_WANT_READ) return Progress::kAgain;
  const unsigned long error = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(error);
  const long verified = SSL_get_verify_result(ssl_);
  failure_ = reason == nullptr ? "the handshake was broken off" : reason;
  if (verified != X509_V_OK) {
    StrAppend(&failure_, ": ", X509_verify_cert_error_string(verified));
  }
  ERR_clear_error();
  return Progress::kFailed;
}

void TlsStream::Send() {
  if (SSL_is_init_finished(ssl_) != 0) {
    open_ = true;
    more_ = true;  // What has come with the end of the handshake.
  }
  Flush();
}

std::string TlsStream::PeerName() const {
  X509* certificate = SSL_get1_peer_certificate(ssl_);
  if (certificate == nullptr) return "";
  std::string name = CommonName(certificate);
  if (name.empty()) name = AlternativeName(certificate);
  X509_free(certificate);
  return name;
}

std::vector<std::string> TlsStream::PeerNames() const {
  std::vector<std::string> names;
  X509* certificate = SSL_get1_peer_certificate(ssl_);
  if (certificate == nullptr) return names;
  AddNames(certificate, GEN_URI, "URI:", &names);
  AddNames(certificate, GEN_DNS, "DNS:", &names);
  if (const std::string common = CommonName(certificate); !common.empty()) {
    names.push_back("CN:" + common);
  }
  X509_free(certificate);
  return names;
}

bool TlsStream::agreed_http2() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return std::string_view(reinterpret_cast<const char*>(name), size) == "h2";
}

ByteStream::Moved TlsStream::Read(char* to, size_t room) {
  if (out_.size() - sent_ > kMostAnswer) return {Result::kLost};
  size_t n = 0;
  more_ = dry_ = false;
  while (n < room) {
    ERR_clear_error();
    const size_t size = std::min<size_t>(room - n, 1 << 30);
    const int got = SSL_read(ssl_, to + n, static_cast<int>(size));
    if (got > 0) {
      n += static_cast<size_t>(got);
      continue;
    }
    if (SSL_get_error(ssl_, got) == SSL_ERROR_WANT_READ) break;
    // An end without TLS's own is an end, too: what it cuts short has a length.
    ended_ = ended_ || (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0;
    lost_ = lost_ || !ended_;
    break;
  }
  ERR_clear_error();
  if (!Flush()) return {Result::kLost};
  more_ = n == room || (n > 0 && (ended_ || lost_));
  if (n > 0) return {Result::kDone, n};
  return {lost_ ? Result::kLost : ended_ ? Result::kEnd : Result::kAgain};
}

bool TlsStream::Encrypt(const char* data, size_t size) {
  return SSL_write(ssl_, data, static_cast<int>(size)) == static_cast<int>(size);
}

ByteStream::Moved TlsStream::Write(const iovec* pieces, size_t count) {
  if (!Flush() || shut_) return {Result::kLost};
  if (!out_.empty()) return {Result::kAgain};
  ERR_clear_error();
  char record[kRecord];
  size_t n = 0, held = 0;
  bool good = true;
  for (size_t i = 0; i < count && good && out_.size() < kReady; ++i) {
    const char* data = static_cast<const char*>(pieces[i].iov_base);
    size_t left = pieces[i].iov_len;
    while (left > 0 && good && out_.size() < kReady) {
      const size_t size = std::min(left, kRecord - held);
      if (held == 0 && size == kRecord) {
        good = Encrypt(data, size);
      } else {
        std::memcpy(record + held, data, size);
        held += size;
        if (held == kRecord) good = Encrypt(record, std::exchange(held, size_t{0}));
      }
      data += size;
      left -= size;
      n += size;
    }
  }
  if (good && held > 0) good = Encrypt(record, held);
  ERR_clear_error();
  if (!good || !Flush()) return {Result::kLost};
  return {Result::kDone, n};
}

bool TlsStream::Flush() {
  while (sent_ < out_.size() && !lost_ && !waits_write_) {
    const iovec piece{out_.data() + sent_, out_.size() - sent_};
    const Moved put = inner_->Write(&piece, 1);
    if (put.result == Result::kDone) {
      sent_ += put.n;
    } else if (put.result == Result::kAgain) {
      waits_write_ = true;
      inner_->WaitWritable([this] { OnWritable(); });
    } else {
      lost_ = true;
    }
  }
  if (sent_ == out_.size() && sent_ > 0) {
    if (out_.capacity() > kRecord) {
      out_ = {};
    } else {
      out_.clear();
    }
    sent_ = 0;
    if (shut_) inner_->ShutdownWrite();
  }
  return !lost_;
}

void TlsStream::OnWritable() {
  waits_write_ = false;
  const bool good = Flush();
  if (writable_ && (!good || out_.empty())) std::exchange(writable_, nullptr)();
}

void TlsStream::WaitReadable(Callback then) {
  if (!more_) return inner_->WaitReadable(std::move(then));
  lane_.Post([still = std::weak_ptr(alive_), then = std::move(then)]() mutable {
    if (!still.expired()) then();
  });
}

void TlsStream::WaitWritable(Callback then) {
  if (waits_write_) {
    writable_ = std::move(then);
  } else {
    inner_->WaitWritable(std::move(then));
  }
}

void TlsStream::ShutdownWrite() {
  if (std::exchange(shut_, true)) return;
  if (open_) SSL_shutdown(ssl_);
  ERR_clear_error();
  if (out_.empty()) inner_->ShutdownWrite();
  Flush();
}

void TlsStream::Close() {
  if (alive_ == nullptr) return;
  if (open_ && !shut_ && !lost_) {
    SSL_shutdown(ssl_);
    ERR_clear_error();
    Flush();
  }
  alive_ = nullptr;
  writable_ = nullptr;
  inner_->Close();
}

void TlsStream::Reset() {
  alive_ = nullptr;
  writable_ = nullptr;
  inner_->Reset();
}

size_t TlsStream::Unconfirmed() const { return inner_->Unconfirmed() + out_.size() - sent_; }

}  // namespace aiges
