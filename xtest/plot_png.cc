// SPDX-License-Identifier: Apache-2.0
#include "xtest/plot_png.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <functional>

#include "loader/base/strings.h"
#include "xtest/quantity.h"
#include "xtest/report_charts.h"

namespace aiges {
namespace {

constexpr int kWidth = 900, kPanel = 200, kLeft = 70, kRight = 20, kTop = 30, kBottom = 26;
constexpr int kScale = 2;  // Of the font.

struct Colour {
  uint8_t r, g, b;
};
constexpr Colour kInk{60, 66, 75}, kGrid{225, 228, 233};

// Five columns by seven rows, one bit for a dot, the leftmost column is bit 4.
struct Glyph {
  char name;
  std::array<uint8_t, 7> rows;
};
constexpr Glyph kFont[] = {
    {'0', {14, 17, 19, 21, 25, 17, 14}}, {'1', {4, 12, 4, 4, 4, 4, 14}},
    {'2', {14, 17, 1, 6, 8, 16, 31}},    {'3', {30, 1, 1, 14, 1, 1, 30}},
    {'4', {2, 6, 10, 18, 31, 2, 2}},     {'5', {31, 16, 30, 1, 1, 17, 14}},
    {'6', {6, 8, 16, 30, 17, 17, 14}},   {'7', {31, 1, 2, 4, 8, 8, 8}},
    {'8', {14, 17, 17, 14, 17, 17, 14}}, {'9', {14, 17, 17, 15, 1, 2, 12}},
    {'.', {0, 0, 0, 0, 0, 12, 12}},      {'%', {24, 25, 2, 4, 8, 19, 3}},
    {'-', {0, 0, 0, 31, 0, 0, 0}},       {'B', {30, 17, 17, 30, 17, 17, 30}},
    {'C', {14, 17, 16, 16, 16, 17, 14}}, {'E', {31, 16, 16, 30, 16, 16, 31}},
    {'G', {14, 17, 16, 23, 17, 17, 15}}, {'M', {17, 27, 21, 21, 17, 17, 17}},
    {'O', {14, 17, 17, 17, 17, 17, 14}}, {'P', {30, 17, 17, 30, 16, 16, 16}},
    {'R', {30, 17, 17, 30, 20, 18, 17}}, {'U', {17, 17, 17, 17, 17, 17, 14}},
    {'Y', {17, 17, 10, 4, 4, 4, 4}},     {'s', {0, 0, 15, 16, 14, 1, 30}},
};

class Image {
 public:
  Image(int width, int height)
      : width_(width), height_(height), dots_(static_cast<size_t>(width * height * 3), 255) {}

  void Dot(int x, int y, Colour c) {
    if (x < 0 || y < 0 || x >= width_ || y >= height_) return;
    uint8_t* at = &dots_[static_cast<size_t>((y * width_ + x) * 3)];
    at[0] = c.r;
    at[1] = c.g;
    at[2] = c.b;
  }

  // Bresenham, two dots thick.
  void Line(int x0, int y0, int x1, int y1, Colour c, int thick = 1) {
    const int dx = std::abs(x1 - x0), dy = -std::abs(y1 - y0);
    const int sx = x0 < x1 ? 1 : -1, sy = y0 < y1 ? 1 : -1;
    for (int error = dx + dy;;) {
      for (int i = 0; i < thick; ++i) Dot(x0, y0 + i, c);
      if (x0 == x1 && y0 == y1) return;
      const int twice = 2 * error;
      if (twice >= dy) {
        error += dy;
        x0 += sx;
      }
      if (twice <= dx) {
        error += dx;
        y0 += sy;
      }
    }
  }

  static int Width(const std::string& text) { return static_cast<int>(text.size()) * 6 * kScale; }

  void Text(int x, int y, const std::string& text, Colour c) {
    for (char letter : text) {
      for (const Glyph& glyph : kFont) {
        if (glyph.name == letter) Draw(x, y, glyph, c);
      }
      x += 6 * kScale;
    }
  }

  std::string Png() const {
    std::string header;
    Number(static_cast<uint32_t>(width_), &header);
    Number(static_cast<uint32_t>(height_), &header);
    header.append({8, 2, 0, 0, 0});  // 8 bits, RGB, deflate, no filter method, not interlaced.
    std::string rows;
    const size_t row = static_cast<size_t>(width_) * 3;
    for (size_t y = 0; y < static_cast<size_t>(height_); ++y) {
      rows.push_back(0);  // No filter.
      rows.append(reinterpret_cast<const char*>(&dots_[y * row]), row);
    }
    uLongf size = compressBound(static_cast<uLong>(rows.size()));
    std::string packed(size, '\0');
    if (compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                  reinterpret_cast<const Bytef*>(rows.data()), static_cast<uLong>(rows.size()),
                  6) != Z_OK) {
      return "";
    }
    packed.resize(size);
    std::string out("\x89PNG\r\n\x1a\n", 8);
    Chunk("IHDR", header, &out);
    Chunk("IDAT", packed, &out);
    Chunk("IEND", "", &out);
    return out;
  }

 private:
  void Draw(int x, int y, const Glyph& glyph, Colour c) {
    for (int row = 0; row < 7; ++row) {
      for (int column = 0; column < 5; ++column) {
        if ((glyph.rows[static_cast<size_t>(row)] >> (4 - column) & 1) == 0) continue;
        for (int i = 0; i < kScale * kScale; ++i) {
          Dot(x + column * kScale + i % kScale, y + row * kScale + i / kScale, c);
        }
      }
    }
  }

  static void Number(uint32_t value, std::string* out) {
    for (int shift = 24; shift >= 0; shift -= 8)
      out->push_back(static_cast<char>(value >> shift & 0xFF));
  }

  static void Chunk(const char* name, const std::string& data, std::string* out) {
    Number(static_cast<uint32_t>(data.size()), out);
    const std::string body = StrCat(name, data);
    out->append(body);
    Number(static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(body.data()),
                                       static_cast<uInt>(body.size()))),
           out);
  }

  const int width_, height_;
  std::vector<uint8_t> dots_;
};

struct Panel {
  const char* name;
  double ResourceSample::* figure;
  Colour colour;
};

void DrawPanel(Image* image, int top, const Panel& panel,
               const std::vector<ResourceSample>& samples) {
  double high = 0, end = 0;
  for (const ResourceSample& s : samples) {
    if (std::isfinite(s.*panel.figure)) high = std::max(high, s.*panel.figure);
    end = std::max(end, s.at_s);
  }
  high = high > 0 ? high * 1.1 : 1;
  if (!(end > 0)) end = 1;
  const double start = samples.empty() ? 0 : std::min(samples.front().at_s, end * 0.999);
  const int width = kWidth - kLeft - kRight, height = kPanel - kTop - kBottom;
  const auto x = [&](double at) {
    return kLeft + static_cast<int>((at - start) / (end - start) * width);
  };
  const auto y = [&](double v) {
    return top + kTop + height - static_cast<int>(v / high * height);
  };
  image->Text(kLeft, top + 6, panel.name, panel.colour);
  for (double tick : Ticks(0, high, 4)) {
    image->Line(kLeft, y(tick), kWidth - kRight, y(tick), kGrid);
    const std::string text = ShownNumber(tick, high < 5 ? 2 : 0);
    image->Text(kLeft - 8 - Image::Width(text), y(tick) - 7, text, kInk);
  }
  for (double tick : Ticks(start, end, 8)) {
    const std::string text = StrCat(ShownNumber(tick, end - start < 5 ? 1 : 0), "s");
    image->Text(x(tick) - Image::Width(text) / 2, top + kTop + height + 8, text, kInk);
  }
  image->Line(kLeft, y(0), kWidth - kRight, y(0), kInk);
  const ResourceSample* before = nullptr;
  for (const ResourceSample& s : samples) {
    if (!std::isfinite(s.*panel.figure) || !std::isfinite(s.at_s)) continue;
    if (before == nullptr) before = &s;
    image->Line(x(before->at_s), y(before->*panel.figure), x(s.at_s), y(s.*panel.figure),
                panel.colour, 2);
    before = &s;
  }
}

}  // namespace

std::string ResourcePng(const std::vector<ResourceSample>& samples) {
  std::vector<Panel> panels = {{"CPU %", &ResourceSample::cpu_percent, {31, 111, 235}},
                               {"MEMORY MB", &ResourceSample::rss_mb, {122, 63, 181}}};
  if (std::any_of(samples.begin(), samples.end(), [](const auto& s) { return s.gpu_mb > 0; })) {
    panels.push_back({"GPU MB", &ResourceSample::gpu_mb, {26, 127, 75}});
  }
  Image image(kWidth, kPanel * static_cast<int>(panels.size()));
  for (size_t i = 0; i < panels.size(); ++i) {
    DrawPanel(&image, kPanel * static_cast<int>(i), panels[i], samples);
  }
  return image.Png();
}

}  // namespace aiges
