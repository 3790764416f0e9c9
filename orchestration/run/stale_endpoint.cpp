#include "orchestration/run/stale_endpoint.hpp"

namespace orchestration {

std::optional<stale_endpoint> stale_endpoint_in(std::string_view engine_words) {
  constexpr std::string_view before = "endpoint with name ";
  constexpr std::string_view between = " already exists in network ";
  const std::size_t begin = engine_words.find(before);
  const std::size_t middle =
      engine_words.find(between, begin == std::string_view::npos ? begin : begin + before.size());
  if (begin == std::string_view::npos || middle == std::string_view::npos) return std::nullopt;
  stale_endpoint out;
  out.name = engine_words.substr(begin + before.size(), middle - begin - before.size());
  const std::string_view rest = engine_words.substr(middle + between.size());
  out.network = rest.substr(0, rest.find_first_of(" \r\n"));
  if (out.name.empty() || out.name.find(' ') != std::string::npos || out.network.empty()) return std::nullopt;
  return out;
}

}  // namespace orchestration
