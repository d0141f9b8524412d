// SPDX-License-Identifier: Apache-2.0
// loader/front/tls_stream.h: TLS over another stream, as its server.
//
// Overview. First the handshake: Gather reads what has come, Step lets OpenSSL work on it, and Send
// gives out its answer, until Step says that it is done. Step uses no socket and may run on another
// thread, as its arithmetic takes a millisecond. Then it is a stream as any other; it keeps no
// buffers while nothing happens. Belongs to its lane but for Step, during which nobody else may
// call anything but Close.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "loader/front/byte_stream.h"
#include "loader/front/exchange.h"

struct ssl_st;
struct ssl_ctx_st;

namespace aiges {

class TlsStream final : public ByteStream {
 public:
  // `begun`: what has been read of `inner` already.
  TlsStream(std::unique_ptr<ByteStream> inner, std::string_view begun,
            const std::shared_ptr<ssl_ctx_st>& context, Lane* lane);
  ~TlsStream() override;

  enum class Progress { kDone, kAgain, kFailed };
  // kAgain: wait until there is something to read. kFailed: the other side has gone.
  Progress Gather(char* scratch, size_t size);
  Progress Step();
  void Send();
  // Why Step has failed.
  const std::string& failure() const { return failure_; }
  // After the handshake: what the certificate of the client calls it, or nothing.
  std::string PeerName() const;
  // All that it does, as Peer::names.
  std::vector<std::string> PeerNames() const;
  // After the handshake: both sides have agreed on HTTP/2 (ALPN).
  bool agreed_http2() const;

  Moved Read(char* to, size_t room) override;
  Moved Write(const iovec* pieces, size_t count) override;
  void WaitReadable(Callback then) override;
  void WaitWritable(Callback then) override;
  void ShutdownWrite() override;
  void Close() override;
  void Reset() override;
  size_t Unconfirmed() const override;

 private:
  friend struct TlsBio;  // OpenSSL's way to the bytes.

  bool Flush();  // False: the connection is lost.
  void OnWritable();
  bool Encrypt(const char* data, size_t size);

  const std::unique_ptr<ByteStream> inner_;
  Lane& lane_;
  ssl_st* ssl_ = nullptr;
  std::string in_;   // Has come, and OpenSSL has not asked for it.
  std::string out_;  // To go out, from sent_.
  size_t sent_ = 0;
  std::string failure_;
  Callback writable_;                  // Waits for out_ to be empty.
  std::shared_ptr<int> alive_;         // Until it is closed.
  bool open_ = false;                  // The handshake is done.
  bool more_ = false;                  // OpenSSL may have more than was asked for.
  bool dry_ = false;                   // The inner stream has no more for now.
  bool waits_write_ = false;           // For the inner stream.
  bool ended_ = false, lost_ = false;  // The inner stream.
  bool shut_ = false;                  // We have said our end.
};

}  // namespace aiges
