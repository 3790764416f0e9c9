#include "orchestration/project/platform.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

namespace orchestration {
namespace {

constexpr std::string_view systems[] = {"aix",     "android", "darwin",  "dragonfly", "freebsd", "hurd",
                                        "illumos", "ios",     "js",      "linux",     "nacl",    "netbsd",
                                        "openbsd", "plan9",   "solaris", "windows",   "zos"};
constexpr std::string_view architectures[] = {"386",     "amd64",    "amd64p32",  "arm",         "armbe",   "arm64",
                                              "arm64be", "ppc64",    "ppc64le",   "loong64",     "mips",    "mipsle",
                                              "mips64",  "mips64le", "mips64p32", "mips64p32le", "ppc",     "riscv",
                                              "riscv64", "s390",     "s390x",     "sparc",       "sparc64", "wasm"};

#if defined(__aarch64__)
constexpr std::string_view own_architecture = "arm64";
#elif defined(__arm__)
constexpr std::string_view own_architecture = "arm";
#elif defined(__i386__)
constexpr std::string_view own_architecture = "386";
#elif defined(__riscv)
constexpr std::string_view own_architecture = "riscv64";
#elif defined(__s390x__)
constexpr std::string_view own_architecture = "s390x";
#elif defined(__powerpc64__)
constexpr std::string_view own_architecture = "ppc64le";
#else
constexpr std::string_view own_architecture = "amd64";
#endif

template <class Words>
bool is_one_of(std::string_view word, const Words& words) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

// Absent when a part is empty or holds another character than a platform's name can have.
std::optional<std::vector<std::string>> parts_of(std::string_view text) {
  std::vector<std::string> out(1);
  for (char c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool known = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
    if (!known && c != '/') return std::nullopt;
    if (c == '/')
      out.emplace_back();
    else
      out.back() += c;
  }
  if (std::any_of(out.begin(), out.end(), [](const std::string& part) { return part.empty(); })) return std::nullopt;
  return out;
}

struct processor {
  std::string architecture;
  std::string variant;
};

processor normal_processor(processor p) {
  if (p.architecture == "i386") return {"386", ""};
  if (p.architecture == "x86_64" || p.architecture == "x86-64" || p.architecture == "amd64")
    return {"amd64", p.variant == "v1" ? "" : p.variant};
  if (p.architecture == "aarch64" || p.architecture == "arm64")
    return {"arm64", p.variant == "8" || p.variant == "v8" ? "" : p.variant};
  if (p.architecture == "armhf") return {"arm", "v7"};
  if (p.architecture == "armel") return {"arm", "v6"};
  if (p.architecture != "arm") return p;
  if (p.variant.empty()) return {"arm", "v7"};
  return {"arm", p.variant.size() == 1 && p.variant >= "5" && p.variant <= "8" ? "v" + p.variant : p.variant};
}

std::string text_of(const std::string& system, const processor& p) {
  return system + "/" + p.architecture + (p.variant.empty() ? "" : "/" + p.variant);
}

// 32-bit arm is v7 when nothing is said, and then nothing is said.
processor without_usual_variant(processor p) {
  if (p.architecture == "arm" && p.variant == "v7") p.variant.clear();
  return p;
}

}  // namespace

std::optional<std::string> normal_platform(std::string_view written) {
  const std::optional<std::vector<std::string>> parts = parts_of(written);
  if (!parts || parts->size() > 3) return std::nullopt;
  const std::string system = parts->front() == "macos" ? "darwin" : parts->front();
  if (parts->size() == 1) {
    if (is_one_of(system, systems)) return text_of(system, {std::string(own_architecture), ""});
    const processor p = normal_processor({parts->front(), ""});
    if (!is_one_of(p.architecture, architectures)) return std::nullopt;
    return text_of("linux", without_usual_variant(p));
  }
  if (parts->size() == 2) return text_of(system, without_usual_variant(normal_processor({parts->at(1), ""})));
  processor p = normal_processor({parts->at(1), parts->at(2)});
  if (p.architecture == "arm64" && p.variant.empty()) p.variant = "v8";
  return text_of(system, p);
}

}  // namespace orchestration
