// SPDX-License-Identifier: Apache-2.0
// What clients bring to prove who they are: any bytes are a token, a signature, or neither.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "loader/access/jwk_set.h"
#include "loader/access/signature.h"
#include "loader/access/token.h"
#include "loader/base/strings.h"

namespace {

constexpr std::string_view kKeys =
    R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})";

// As a client of the gateway says it, in either form.
void ReadSigned(std::string_view text) {
  aiges::RequestHead head;
  const bool in_url = text.starts_with('/');
  head.fields = {{":method", "POST"},
                 {":authority", "a.example:80"},
                 {":path", in_url ? text : "/p"},
                 {"date", "Tue, 01 Dec 2026 09:41:12 GMT"},
                 {"digest", text}};
  if (!in_url) head.fields.Add("authorization", aiges::StrCat("hmac ", text));
  if (!aiges::BringsSignature(head)) return;
  aiges::SignedRequest request;
  if (aiges::ReadSignature(head, &request).ok()) {
    const size_t texts = aiges::SignedTexts(head, request).size();
    if (texts == 0 || texts > 4 || request.signature.size() != 32) __builtin_trap();
  }
  if (aiges::WithoutSignature(head.target()).size() > head.target().size()) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  aiges::Token token;
  if (aiges::ReadToken(text, "sub", "scope", &token).ok()) {
    if (token.signed_text.size() >= text.size()) __builtin_trap();
    std::shared_ptr<const aiges::JwkSet> keys;
    if (!aiges::JwkSet::Parse(kKeys, &keys).ok()) __builtin_trap();
    if (keys->Check(token) == aiges::JwkSet::Verdict::kGood)
      __builtin_trap();  // Nobody signs here.
  }
  std::shared_ptr<const aiges::JwkSet> keys;
  (void)aiges::JwkSet::Parse(text, &keys);
  (void)aiges::ReadHttpDate(text);
  ReadSigned(text);
  return 0;
}
