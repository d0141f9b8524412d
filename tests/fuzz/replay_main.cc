// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/replay_main.cc: a fuzz target as an ordinary test program, for compilers without
// libFuzzer: its corpus, and then cheap mutations of it, the same ones in every run.
//
//   http_replay DIR [MUTATIONS]
//
// The input that ends the program is left in ./<program>-finding; libFuzzer's targets run it too.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
// Of the sanitizers, where the program has one: their reports end it without a signal.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

constexpr size_t kMostBytes = 64 * 1024;
constexpr int kMutations = 3000;

const std::string* g_input = nullptr;  // What runs.
std::string g_finding;                 // Where it goes when that is the end.

void Keep() {
  if (g_input == nullptr) return;
  const int file = ::open(g_finding.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return;
  const ssize_t written = ::write(file, g_input->data(), g_input->size());
  ::close(file);
  static constexpr char kText[] = "replay: the input that did this is in a file *-finding\n";
  if (written >= 0 && ::write(2, kText, sizeof kText - 1) > 0) g_input = nullptr;
}

void OnSignal(int number) {
  Keep();
  std::signal(number, SIG_DFL);
  std::raise(number);
}

void Run(const std::string& input) {
  g_input = &input;
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
  g_input = nullptr;
}

// SplitMix64: small, and the same everywhere, which <random>'s distributions are not.
class Chance {
 public:
  explicit Chance(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  size_t Below(size_t n) { return n == 0 ? 0 : static_cast<size_t>(Next() % n); }

 private:
  uint64_t state_;
};

// A piece of somewhere in the corpus.
std::string Piece(const std::vector<std::string>& corpus, Chance* chance) {
  const std::string& from = corpus[chance->Below(corpus.size())];
  const size_t begin = chance->Below(from.size());
  return from.substr(begin, 1 + chance->Below(32));
}

void Mutate(const std::vector<std::string>& corpus, Chance* chance, std::string* text) {
  static const std::string kTokens[] = {{"\0", 1},
                                        {"\xff\xff\xff\xff", 4},
                                        {"\0\0\0\x80", 4},
                                        "\xff",
                                        "\"",
                                        "\\u0000",
                                        "{",
                                        "[",
                                        "99999999999999999999",
                                        "-1",
                                        "\r\n",
                                        "%00",
                                        "\xed\xa0\x80",
                                        ": ",
                                        "="};
  const size_t at = chance->Below(text->size() + 1);
  const size_t rest = text->size() - at;
  switch (chance->Below(6)) {
    case 0:
      if (rest > 0) (*text)[at] = static_cast<char>((*text)[at] ^ (1 << chance->Below(8)));
      break;
    case 1:
      if (rest > 0) (*text)[at] = static_cast<char>(chance->Next());
      break;
    case 2:
      text->erase(at, 1 + chance->Below(std::min<size_t>(rest, 64)));
      break;
    case 3:
      text->insert(at, kTokens[chance->Below(std::size(kTokens))]);
      break;
    case 4:
      text->insert(at, Piece(corpus, chance));
      break;
    default:
      text->replace(at, chance->Below(rest + 1), Piece(corpus, chance));
  }
}

std::vector<std::string> Read(const char* folder) {
  std::vector<std::filesystem::path> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_regular_file()) names.push_back(entry.path());
  }
  std::sort(names.begin(), names.end());  // The same mutations on every file system.
  std::vector<std::string> corpus;
  for (const auto& name : names) {
    std::ifstream in(name, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return corpus;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "usage: %s DIR [MUTATIONS]\n", argv[0]);
    return 2;
  }
  std::error_code problem;
  if (!std::filesystem::is_directory(argv[1], problem)) {
    std::fprintf(stderr, "replay: expected a folder with a corpus, got %s\n", argv[1]);
    return 2;
  }
  const std::vector<std::string> corpus = Read(argv[1]);
  if (corpus.empty()) {
    std::fprintf(stderr, "replay: expected inputs in %s, found none\n", argv[1]);
    return 2;
  }
  g_finding = std::filesystem::path(argv[0]).filename().string() + "-finding";
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    std::signal(number, OnSignal);
  }
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(Keep);

  Run({});
  for (const std::string& input : corpus) Run(input);
  const int mutations = argc == 3 ? std::atoi(argv[2]) : kMutations;
  Chance chance(1);
  for (int i = 0; i < mutations; ++i) {
    std::string input = corpus[static_cast<size_t>(i) % corpus.size()];
    for (size_t left = 1 + chance.Below(6); left > 0; --left) Mutate(corpus, &chance, &input);
    if (input.size() > kMostBytes) input.resize(kMostBytes);
    Run(input);
  }
  std::printf("replay: %zu inputs and %d mutations of them\n", corpus.size(), mutations);
  return 0;
}
