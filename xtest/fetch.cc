// SPDX-License-Identifier: Apache-2.0
#include "xtest/fetch.h"

#include <curl/curl.h>

#include <memory>
#include <mutex>
#include <utility>

#include "loader/base/strings.h"

namespace aiges {
namespace {

constexpr size_t kMostBytes = 16 << 20;

size_t Append(char* data, size_t size, size_t count, void* out) {
  auto* body = static_cast<std::string*>(out);
  if (body->size() + size * count > kMostBytes) return 0;  // Ends the transfer with an error.
  body->append(data, size * count);
  return size * count;
}

}  // namespace

Status Fetch(const std::string& url, long timeout_ms, std::string* body,
             const Credentials& credentials) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  if (curl == nullptr) return Status::Error(StatusKind::kInternal, "curl: no memory");
  body->clear();
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, timeout_ms);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");  // A loader next door is not behind one.
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &Append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, body);
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(nullptr, curl_slist_free_all);
  if (!credentials.header.empty()) {
    headers.reset(curl_slist_append(nullptr, credentials.header.c_str()));
    curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  }
  for (const auto& [option, path] :
       {std::pair{CURLOPT_CAINFO, &credentials.ca}, std::pair{CURLOPT_SSLCERT, &credentials.cert},
        std::pair{CURLOPT_SSLKEY, &credentials.key}}) {
    if (!path->empty()) curl_easy_setopt(curl.get(), option, path->c_str());
  }
  const CURLcode code = curl_easy_perform(curl.get());
  if (code != CURLE_OK) {
    return Status::Error(StatusKind::kDisconnected,
                         StrCat("cannot read ", url, ": ", curl_easy_strerror(code)));
  }
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) {
    return Status::Error(StatusKind::kInvalid,
                         StrCat("cannot read ", url, ": expected HTTP status 200, got ", status));
  }
  return Status::Ok();
}

}  // namespace aiges
