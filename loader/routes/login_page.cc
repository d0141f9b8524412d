// SPDX-License-Identifier: Apache-2.0
#include "loader/routes/login_page.h"

#include <algorithm>

#include "loader/access/sha256.h"
#include "loader/base/html.h"
#include "loader/base/strings.h"
#include "loader/front/base64.h"

namespace aiges {
namespace {

constexpr std::string_view kOwn = "/-/";
constexpr size_t kMostNext = 256;

constexpr std::string_view kStyle =
    "body{font:16px/1.5 system-ui,sans-serif;margin:4rem auto;max-width:26rem;padding:0 1rem}"
    "label,input,button{display:block;width:100%;box-sizing:border-box;font:inherit}"
    "input,button{margin:.5rem 0;padding:.6rem}[hidden]{display:none}";

// Nothing runs there, and the form goes nowhere else.
const std::string& Policy() {
  static const std::string policy = [] {
    std::string text = "default-src 'none'; img-src data:; style-src 'sha256-";
    AppendBase64(&text, Sha256(kStyle));
    return text + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
  }();
  return policy;
}

// From a page at `path` to those under "/-/", also behind a proxy that adds a prefix.
std::string ToOwn(std::string_view path) {
  const auto depth = std::count(path.begin(), path.end(), '/');
  std::string out;
  for (auto i = depth; i > 1; --i) out += "../";
  return out + "-/";
}

}  // namespace

bool WantsLoginPage(const HttpRequest& request) {
  const std::string* accept = Find(request.headers, "accept");
  return request.method == "GET" && accept != nullptr &&
         accept->find("text/html") != std::string::npos;
}

std::string PageBehindLogin(std::string_view path) {
  std::string page(path.starts_with(kOwn) ? path : std::string_view());
  if (page.empty() && path.size() > 1 && path.starts_with('/')) page = StrCat("/-", path);
  const bool fit = page.size() > kOwn.size() && page.size() <= kMostNext &&
                   std::all_of(page.begin(), page.end(), [](char c) {
                     return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') ||
                            std::string_view("/-._").find(c) != std::string_view::npos;
                   });
  const bool within = fit && page.find("//") == std::string::npos &&
                      page.find("..") == std::string::npos && !page.starts_with("/-/log");
  return within ? page : "/-/status";
}

HttpResponse LoginPage(int status, std::string_view path, std::string_view next,
                       std::string_view problem) {
  const std::string problems =
      problem.empty() ? "" : StrCat("<p role=\"alert\">", EscapedHtml(problem), "</p>\n");
  HttpResponse r = HttpResponse::Text(
      status, "text/html; charset=utf-8",
      StrCat("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<meta name=\"color-scheme\" content=\"light dark\">\n<title>Log in to AIService"
             "</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>",
             kStyle, "</style>\n</head>\n<body>\n<main>\n<h1>AIService</h1>\n", problems,
             "<form method=\"post\" action=\"", ToOwn(path), "login\">\n",
             // For those who keep passwords; nobody reads it.
             "<input name=\"user\" autocomplete=\"username\" value=\"AIService\" hidden>\n"
             "<label for=\"key\">A key, a token, or the token of [admin]</label>\n"
             "<input id=\"key\" name=\"key\" type=\"password\" autocomplete=\"current-password\" "
             "required autofocus>\n<input type=\"hidden\" name=\"next\" value=\"",
             EscapedHtml(PageBehindLogin(next)),
             "\">\n<button>Log in</button>\n</form>\n<p>This shows pages. It calls nothing and "
             "changes nothing.</p>\n</main>\n</body>\n</html>\n"));
  r.headers.emplace_back("Cache-Control", "no-store");
  r.headers.emplace_back("Content-Security-Policy", Policy());
  // A form of a page without referrer has no origin that could be compared.
  r.headers.emplace_back("Referrer-Policy", "same-origin");
  r.headers.emplace_back("X-Content-Type-Options", "nosniff");
  r.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
  return r;
}

}  // namespace aiges
