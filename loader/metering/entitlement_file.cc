// SPDX-License-Identifier: Apache-2.0
#include "loader/metering/entitlement_file.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "loader/base/strings.h"

namespace aiges {
namespace {

using nlohmann::json;

constexpr std::string_view kHead = "-----BEGIN AIGES ENTITLEMENT-----";
constexpr std::string_view kEnd = "-----END AIGES ENTITLEMENT-----";
constexpr std::string_view kPrefix = "aiges-entitlement-1\n";
constexpr size_t kMostBytes = 64 * 1024;

Status Bad(std::string text) { return Status::Error(StatusKind::kInvalid, std::move(text)); }

std::vector<std::string> LinesOf(std::string_view file) {
  std::vector<std::string> lines;
  while (!file.empty()) {
    const size_t end = file.find('\n');
    std::string_view line = file.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = Trimmed(line);
    if (!line.empty()) lines.emplace_back(line);
    file = end == std::string_view::npos ? std::string_view() : file.substr(end + 1);
  }
  return lines;
}

// False: it is none, or not as an encoder writes it.
bool FromBase64(const std::string& text, std::string* out) {
  if (text.empty() || text.size() % 4 != 0) return false;
  out->resize(text.size() / 4 * 3);
  const int n = ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out->data()),
                                  reinterpret_cast<const unsigned char*>(text.data()),
                                  static_cast<int>(text.size()));
  if (n < 0) return false;
  const auto padding = static_cast<size_t>(std::count(text.end() - 2, text.end(), '='));
  out->resize(static_cast<size_t>(n) - padding);
  std::string again(text.size() + 1, '\0');
  (void)::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(again.data()),
                          reinterpret_cast<const unsigned char*>(out->data()),
                          static_cast<int>(out->size()));
  again.pop_back();
  return again == text;
}

Status Verify(const std::string& signed_line, const std::string& signature,
              const std::string& public_key) {
  const std::unique_ptr<BIO, decltype(&::BIO_free)> bio(
      ::BIO_new_mem_buf(public_key.data(), static_cast<int>(public_key.size())), &::BIO_free);
  const std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)> key(
      ::PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr), &::EVP_PKEY_free);
  if (key == nullptr || ::EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519) {
    return Bad("[entitlement] public_key: expected the PEM file of an Ed25519 public key");
  }
  const std::string bytes = StrCat(kPrefix, signed_line);
  const std::unique_ptr<EVP_MD_CTX, decltype(&::EVP_MD_CTX_free)> context(::EVP_MD_CTX_new(),
                                                                          &::EVP_MD_CTX_free);
  const bool right =
      ::EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
      ::EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                         signature.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                         bytes.size()) == 1;
  return right
             ? Status::Ok()
             : Bad("its signature is not by [entitlement] public_key: expected the file as it was "
                   "given out, and the key of who signed it");
}

class Fields {
 public:
  explicit Fields(const json& value) : value_(value) {}

  void Text(const char* name, std::string* out) {
    const auto found = value_.find(name);
    if (found == value_.end()) return;
    if (!found->is_string()) return Say(name, "a text");
    *out = found->get<std::string>();
  }
  template <class T>
  void Count(const char* name, T* out, int64_t most = std::numeric_limits<int64_t>::max()) {
    const auto found = value_.find(name);
    if (found == value_.end()) return;
    if (!found->is_number_integer() || *found < 0 || *found > most) {
      return Say(name, "a whole number");
    }
    *out = found->get<T>();
  }
  void Texts(const char* name, std::vector<std::string>* out) {
    const auto found = value_.find(name);
    if (found == value_.end()) return;
    const bool texts = found->is_array() && std::all_of(found->begin(), found->end(),
                                                        [](auto& v) { return v.is_string(); });
    if (!texts) return Say(name, "a list of texts");
    *out = found->get<std::vector<std::string>>();
  }
  const std::string& wrong() const { return wrong_; }

 private:
  void Say(const char* name, const char* expected) {
    wrong_ = StrCat("its field ", name, ": expected ", expected, ", got ",
                    value_[name].dump(-1, ' ', false, json::error_handler_t::replace));
  }
  const json& value_;
  std::string wrong_;
};

Status ReadTerms(const std::string& text, EntitlementTerms* out) {
  constexpr int64_t kMostTime = 253'402'300'799;  // Year 9999.
  constexpr int64_t kMostDays = 36'500;
  const json value = json::parse(text, nullptr, false);
  if (!value.is_object()) return Bad("what is signed is no object of JSON");
  EntitlementTerms terms;
  Fields fields(value);
  fields.Text("id", &terms.id);
  fields.Text("customer", &terms.customer);
  fields.Count("not_before", &terms.not_before, kMostTime);
  fields.Count("expires", &terms.expires, kMostTime);
  fields.Count("grace_days", &terms.grace_days, kMostDays);
  fields.Texts("models", &terms.models);
  fields.Count("instances", &terms.instances);
  fields.Count("calls", &terms.calls);
  fields.Count("concurrency", &terms.concurrency);
  if (!fields.wrong().empty()) return Bad(fields.wrong());
  if (terms.id.empty() || terms.expires == 0) {
    return Bad("expected the fields id and expires in what is signed, got none");
  }
  *out = std::move(terms);
  return Status::Ok();
}

}  // namespace

bool EntitlementTerms::Allows(std::string_view model) const {
  return models.empty() || std::find(models.begin(), models.end(), model) != models.end();
}

Status ReadEntitlement(std::string_view file, const std::string& public_key,
                       EntitlementTerms* out) {
  const std::vector<std::string> lines =
      file.size() > kMostBytes ? std::vector<std::string>() : LinesOf(file);
  std::string text, signature;
  if (lines.size() != 4 || lines.front() != kHead || lines.back() != kEnd ||
      !FromBase64(lines[2], &signature)) {
    return Bad(StrCat("expected four lines, from ", kHead, " to ", kEnd,
                      ", as asectl entitlement sign writes them"));
  }
  if (Status status = Verify(lines[1], signature, public_key); !status.ok()) return status;
  if (!FromBase64(lines[1], &text)) return Bad("what is signed is no base64");
  return ReadTerms(text, out);
}

}  // namespace aiges
