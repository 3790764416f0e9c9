// Every file of a corpus through a target, then a number of seeded mutations of them: for compilers without libFuzzer,
// and for one input that a fuzzer kept. The same seed gives the same inputs on every machine.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

std::string current;    // what the target is being given
std::string kept_name;  // where it goes when the target dies of it

void keep_input(int signal) {
  const int file = ::open(kept_name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file >= 0 && ::write(file, current.data(), current.size()) >= 0 && ::write(2, "kept: ", 6) > 0)
    if (::write(2, kept_name.data(), kept_name.size()) > 0 && ::write(2, "\n", 1) > 0) ::close(file);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(std::string input) {
  current = std::move(input);
  // Exactly as large as the input, so that a sanitizer sees every read beyond it.
  const std::vector<std::uint8_t> bytes(current.begin(), current.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

class mutator {
 public:
  mutator(const std::vector<std::string>& corpus, std::uint64_t seed) : corpus_(corpus), state_(seed) {}

  std::string next() {
    std::string out = corpus_[below(corpus_.size())];
    for (std::size_t steps = 1 + below(4); steps > 0; --steps) change(out);
    return out;
  }

 private:
  // SplitMix64 (Steele, Lea, Flood 2014); the standard's distributions differ between libraries.
  std::uint64_t draw() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(draw() % limit); }

  void change(std::string& text) {
    static constexpr std::string_view odd("\0\xff\x7f\x80\n\r\t \"'\\{}[]:,$#|-09/.@=", 28);
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = std::min(text.size() - at, below(17));
    const std::string& other = corpus_[below(corpus_.size())];
    switch (below(7)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, std::string(text, at, length));
        break;
      case 2:
        text.insert(at, 1, odd[below(odd.size())]);
        break;
      case 3:
        text.insert(at, other.substr(below(other.size() + 1), below(65)));
        break;
      case 4:
        text = text.substr(0, at) + other.substr(below(other.size() + 1));
        break;
      case 5:
        if (at < text.size()) text[at] = odd[below(odd.size())];
        break;
      default:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
    }
  }

  const std::vector<std::string>& corpus_;
  std::uint64_t state_;
};

std::vector<fs::path> files_of(const std::vector<std::string>& arguments) {
  std::vector<fs::path> out;
  for (const std::string& each : arguments) {
    if (!fs::is_directory(each)) out.emplace_back(each);
    if (fs::is_directory(each))
      for (const auto& entry : fs::directory_iterator(each)) out.push_back(entry.path());
  }
  std::ranges::sort(out);
  return out;
}

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::uint64_t number(const std::string& text) {
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) throw std::runtime_error("no number: " + text);
  return out;
}

int replay(std::vector<std::string> arguments) {
  std::uint64_t mutations = 0, seed = 1;
  while (arguments.size() > 1 && arguments[0].starts_with("--")) {
    (arguments[0] == "--seed" ? seed : mutations) = number(arguments[1]);
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  std::vector<std::string> corpus;
  for (const fs::path& file : files_of(arguments)) {
    std::cout << file.filename().string() << std::endl;  // flushed: the last line names what it died of
    corpus.push_back(bytes_of(file));
    run(corpus.back());
  }
  if (corpus.empty()) throw std::runtime_error("usage: [--seed N] [--mutations N] FILE-OR-FOLDER…");
  run({});
  std::cout << mutations << " mutations, seed " << seed << std::endl;
  mutator mutated(corpus, seed);
  for (std::uint64_t i = 0; i < mutations; ++i) run(mutated.next());
  return 0;
}

}  // namespace

int main(int count, char** values) {
  kept_name = "crash-" + fs::path(values[0]).filename().string();
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE}) std::signal(signal, keep_input);
  try {
    return replay(std::vector<std::string>(values + 1, values + count));
  } catch (const std::runtime_error& error) {
    std::cerr << error.what() << '\n';
    return 2;
  }
}
