// SPDX-License-Identifier: Apache-2.0
#include "loader/pages/docs_page.h"

#include <zlib.h>

#include <algorithm>
#include <string_view>

#include "loader/pages/swagger_paths.h"  // Made by CMake: where the compressed files are.
#include "loader/pages/web/docs_css.h"   // And these, from the files in web/.
#include "loader/pages/web/docs_html.h"
#include "loader/pages/web/docs_js.h"

// The bytes of a file, between two symbols.
#define AIGES_EMBED(name, file)                                          \
  asm(".section .rodata\n.global " #name "\n" #name ":\n.incbin \"" file \
      "\"\n"                                                             \
      ".global " #name "_end\n" #name "_end:\n.previous\n");             \
  extern "C" const char name[], name##_end[]

AIGES_EMBED(aiges_swagger_js, AIGES_SWAGGER_JS_GZ);
AIGES_EMBED(aiges_swagger_css, AIGES_SWAGGER_CSS_GZ);

namespace aiges {
namespace {

constexpr const char* kHtml = "text/html; charset=utf-8";
constexpr const char* kScript = "text/javascript; charset=utf-8";
constexpr const char* kStyle = "text/css; charset=utf-8";
// As of the status page, but that Swagger UI writes style attributes, and icons as data.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self' data: blob:; media-src blob: data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";
constexpr const char* kHome = "/docs";
constexpr const char* kOwnJs = "/ui/docs.js";
constexpr const char* kOwnCss = "/ui/docs.css";
constexpr const char* kBundle = "/ui/swagger-ui-bundle.js";
constexpr const char* kCss = "/ui/swagger-ui.css";

bool IsOldPath(const std::string& path) {
  return path == "/swagger" || path.rfind("/swagger/", 0) == 0 || path == "/docs/";
}

bool TakesGzip(const HttpRequest& request) {
  const std::string* encodings = Find(request.headers, "accept-encoding");
  return encodings != nullptr && encodings->find("gzip") != std::string::npos;
}

std::string Inflated(std::string_view gzip) {
  z_stream stream{};
  if (::inflateInit2(&stream, 15 + 16) != Z_OK) return "";  // 16: with gzip's head.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  std::string out;
  int state = Z_OK;
  while (state == Z_OK) {
    const size_t before = out.size();
    out.resize(before + (1 << 19));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = 1 << 19;
    state = ::inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
  }
  ::inflateEnd(&stream);
  return out;
}

HttpResponse File(const HttpRequest& request, const char* type, std::string_view gzip) {
  HttpResponse response;
  if (TakesGzip(request)) {
    response = HttpResponse::Text(200, type, std::string(gzip));
    response.headers.emplace_back("Content-Encoding", "gzip");
  } else {
    response = HttpResponse::Text(200, type, Inflated(gzip));
  }
  response.headers.emplace_back("Vary", "Accept-Encoding");
  response.headers.emplace_back("Cache-Control", "max-age=3600");
  return response;
}

}  // namespace

bool IsDocsPath(const std::string& path) {
  return path == kHome || path == kOwnJs || path == kOwnCss || path == kBundle || path == kCss ||
         IsOldPath(path);
}

HttpResponse DocsAnswer(const HttpRequest& request) {
  const std::string& path = request.path;
  HttpResponse response;
  if (IsOldPath(path)) {
    response = HttpResponse::Text(302, "text/plain; charset=utf-8", "see /docs\n");
    response.headers.emplace_back("Location", kHome);
  } else if (path == kBundle) {
    response = File(request, kScript, {aiges_swagger_js, aiges_swagger_js_end});
  } else if (path == kCss) {
    response = File(request, kStyle, {aiges_swagger_css, aiges_swagger_css_end});
  } else {
    response = path == kHome    ? HttpResponse::Text(200, kHtml, kDocsHtml)
               : path == kOwnJs ? HttpResponse::Text(200, kScript, kDocsJs)
                                : HttpResponse::Text(200, kStyle, kDocsCss);
    response.headers.emplace_back("Cache-Control", "no-cache");
    response.headers.emplace_back("Content-Security-Policy", kPolicy);
    response.headers.emplace_back("Referrer-Policy", "no-referrer");
  }
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return response;
}

}  // namespace aiges
