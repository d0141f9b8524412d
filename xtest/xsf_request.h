// SPDX-License-Identifier: Apache-2.0
// xtest/xsf_request.h: the messages of the gRPC protocols (proto/xsf.proto, proto/loader.proto).
//
// What is the same in all requests is serialised once; data longer than kCopied bytes is referred
// to, and must live until the call has ended. Belongs to one thread.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <string>
#include <string_view>
#include <vector>

#include "xtest/call.h"
#include "xtest/plan.h"
#include "xtest/slices.h"

namespace aiges {

class XsfRequests {
 public:
  static constexpr size_t kCopied = 16 << 10;

  explicit XsfRequests(const Plan& plan);

  // ReqData for /utils.XsfCall/call. A later call of a session brings the Session that the first
  // answer had.
  grpc::ByteBuffer Once(const Call& call);
  grpc::ByteBuffer Create(const Call& call);
  grpc::ByteBuffer In(const Call& call, std::string_view session, const Packet& packet);
  grpc::ByteBuffer Out(std::string_view session);
  grpc::ByteBuffer Stop(std::string_view session);

  // LoaderInput for /aiges.v1.Stream/Run.
  grpc::ByteBuffer StreamOnce(const Call& call);
  grpc::ByteBuffer StreamOpen(const Call& call);
  grpc::ByteBuffer StreamPacket(const Packet& packet);

 private:
  // A payload of the message under way: its bytes but for the data, and the data.
  struct Part {
    std::string_view meta;
    std::string_view data;
  };
  struct Long {  // Data that is referred to, and its place in text_.
    size_t at;
    std::string_view data;
  };

  std::string Head(int state, const char* status) const;
  void OnceParts(uint64_t index);
  void PacketParts(const Packet& packet);
  // The ReqData around a LoaderInput; without one, when `head` is null.
  grpc::ByteBuffer Envelope(std::string_view before, std::string_view session,
                            const std::string* head, std::string_view sid, int32_t sync_id);
  size_t InputSize(const std::string& head, std::string_view sid, int32_t sync_id) const;
  void AppendInput(const std::string& head, std::string_view sid, int32_t sync_id);
  grpc::ByteBuffer Finish();

  const Plan& plan_;
  bool own_sid_ = true;  // No sid in [header].
  std::string once_before_, create_before_, in_before_, out_before_, stop_before_;  // op, param.
  std::string once_head_, create_head_;  // LoaderInput without sid, payloads and sync_id.
  std::string begin_head_, middle_head_, end_head_;  // Of a session's packets.
  std::vector<std::string> once_metas_;              // By stream.
  std::vector<std::string> packet_metas_;            // By stream; without status and seq.

  std::string text_;
  std::vector<Long> longs_;
  std::vector<Part> parts_;
  std::vector<std::string> metas_;  // Of parts_, where made for one packet.
};

}  // namespace aiges
