// SPDX-License-Identifier: Apache-2.0
// xtest/json_request.h: the JSON envelope of the HTTP and WebSocket protocols, and the body, path
// and headers of an HTTP request.
//
// Parts are made on first use and kept; data in base64 among them. Belongs to one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "xtest/call.h"
#include "xtest/plan.h"
#include "xtest/slices.h"

namespace aiges {

class JsonRequests {
 public:
  explicit JsonRequests(const Plan& plan);

  // The HTTP request of a once call, in pieces that live as long as this. `head` is overwritten
  // and becomes the first piece.
  void Http(const Call& call, const std::string& host, std::string* head,
            std::vector<std::string_view>* pieces);
  // A frame of a WebSocket session; the first one opens it.
  std::string Frame(const Packet& packet);
  std::string OnceFrame(const Call& call);

 private:
  void Body(const Call& call, std::vector<std::string_view>* pieces);
  // "name":{..} of one payload.
  std::string Entry(size_t stream, std::string_view data, int status, uint64_t seq) const;
  const std::string& OnceEntry(size_t stream, size_t file);

  const Plan& plan_;
  std::string line_;  // "POST /path HTTP/1.1" and the headers that all requests have.
  std::string first_, next_, last_, once_;  // Envelope up to the payloads: status 0, 1, 2, 3.
  std::vector<std::vector<std::string>> entries_;  // Of once calls, by stream and file.
};

const char* TypeWord(DataType type);  // "text", "audio", ..
void AppendJsonText(std::string* out, std::string_view text);
void AppendBase64(std::string* out, std::string_view data);
bool DecodeBase64(std::string_view text, std::string* out);

}  // namespace aiges
