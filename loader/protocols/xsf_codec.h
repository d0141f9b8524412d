// SPDX-License-Identifier: Apache-2.0
// loader/protocols/xsf_codec.h: the XSF envelope (proto/xsf.proto, proto/loader.proto) <-> values.
//
// Overview. A request is one message inside a bytes field of another, with megabytes of payload in
// the inner one. Generated classes would copy the payload twice on the way in and twice on the way
// out, so this codec walks the wire format with protobuf's own CodedInputStream and lets payloads
// point into the received buffer; tests/loader/xsf_codec_test.cc holds it against the generated
// classes. Pure functions; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "loader/protocols/once.h"

namespace aiges {

enum class SessionState { kStream = 0, kOnce = 1 };

struct XsfRequest {
  std::string op;
  std::string trace;   // s.t, returned as it came.
  std::string handle;  // s.h
  Pairs param;         // SeqNo, waitTime, version, baseId.
  SessionState state = SessionState::kStream;
  int sync_id = 0;
  bool meta_missing = false;  // A payload came without meta.
  OnceCall call;
};

// `message` is a serialised ReqData; payloads share it. kInvalid without a code: not a ReqData.
// kInvalid with kCodeUnmarshal: its data[0] is not a LoaderInput. kInvalid with kCodeInvalidInput:
// more parts than a message may have (api/message_limits.h). Time is linear in the message.
Status ParseXsf(const Bytes& message, XsfRequest* out);

// `message` is a serialised LoaderInput, as streams carry it.
Status ParseLoaderInput(const Bytes& message, XsfRequest* out);

struct XsfReply {
  int code = 0;            // ResData.code: 0, or 10110.
  std::string error_info;  // With that code.
  const std::string* trace = nullptr;
  const std::string* handle = nullptr;
  const std::string* peer = nullptr;  // s.sess["PeerAddr"]
  bool has_output = true;             // False: empty ResData (ping).
  std::string service_id;
  int output_code = 0;
  std::string output_error;
  int output_status = 0;
  const std::vector<Payload>* payloads = nullptr;
};

// The serialised ResData in pieces, large payload data uncopied.
std::vector<Bytes> SerialiseXsf(const XsfReply& reply);
// Only the LoaderOutput in it, as streams carry it.
std::vector<Bytes> SerialiseLoaderOutput(const XsfReply& reply);

}  // namespace aiges
