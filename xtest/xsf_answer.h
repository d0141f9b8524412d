// SPDX-License-Identifier: Apache-2.0
// xtest/xsf_answer.h: what an answer says, read without building protobuf objects.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "xtest/call.h"

namespace aiges {

struct XsfAnswer {
  int code = 0;  // Of the LoaderOutput, or else of the ResData.
  std::string text;
  std::string session;  // A serialised Session.
  std::string handle;   // Of it.
  int status = 0;       // 0 BEGIN, 1 CONTINUE, 2 END, 3 ONCE.
  uint32_t items = 0;   // Payloads.

  bool over() const { return status == 2 || status == 3; }
};

enum class XsfWants { kOutcome, kSession };  // Or also the Session.

// `results`: payloads are added to it; null: they are skipped. False: it is no such message.
bool ReadResData(const grpc::ByteBuffer& message, XsfWants wants, XsfAnswer* out,
                 std::vector<ResultItem>* results);
bool ReadLoaderOutput(const grpc::ByteBuffer& message, XsfAnswer* out,
                      std::vector<ResultItem>* results);

}  // namespace aiges
