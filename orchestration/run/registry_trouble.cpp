#include "orchestration/run/registry_trouble.hpp"

#include <algorithm>
#include <array>
#include <random>

#include "orchestration/run/pause.hpp"

namespace orchestration {
namespace {

// Of dockerd 20.10 to 28, which quotes the registry or Go's network errors.
constexpr std::array<std::string_view, 7> passing = {
    "toomanyrequests",          "too many requests", "unexpected HTTP status: 5", "unexpected status code 5",
    "connection reset by peer", "unexpected EOF",    "TLS handshake timeout"};
constexpr std::string_view tried_by_the_engine = "download failed after attempts";

}  // namespace

bool will_pass(const docker::error& error) {
  const std::string_view words = error.engine_message();
  const auto says = [words](std::string_view part) { return words.find(part) != std::string_view::npos; };
  return !says(tried_by_the_engine) && std::any_of(passing.begin(), passing.end(), says);
}

docker::task<> wait_for_registry(int number) {
  const std::chrono::milliseconds least(250 << number);
  std::random_device random;
  const std::chrono::milliseconds more(random() % (least.count() / 2));
  co_await pause_for(least + more);
}

}  // namespace orchestration
