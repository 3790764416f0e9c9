#include "orchestration/plan/spoken_dialect.hpp"

namespace orchestration {
namespace {

std::string version_of(const observed_container& c) {
  return c.inspect.string_at({"Config", "Labels", "com.docker.compose.version"});
}

// A hint only: distributions rebuild compose with other loaders and keep its version.
hash_dialect dialect_of_version(const std::string& version) {
  if (version == "5.0.0" || version == "5.0.1") return hash_dialect::compose_5_0;
  if (version.starts_with("5.")) return hash_dialect::compose_5_0_2;
  for (const char* old : {"2.24.", "2.25.", "2.26.", "2.27.", "2.28.", "2.29."})
    if (version.starts_with(old)) return hash_dialect::compose_2_24;
  return hash_dialect::compose_2_30;
}

const std::map<std::string, std::string>& ids_for(const joined_ids& joined, const std::string& service) {
  static const std::map<std::string, std::string> none;
  const auto found = joined.find(service);
  return found == joined.end() ? none : found->second;
}

struct votes {
  int matches = 0;
  int hints = 0;
  bool operator>(const votes& other) const {
    return matches != other.matches ? matches > other.matches : hints > other.hints;
  }
};

}  // namespace

spoken_dialect dialect_of(const project& desired, const std::vector<const observed_container*>& containers,
                          const joined_ids& joined) {
  spoken_dialect best;
  votes most{-1, 0};
  for (const hash_dialect dialect : hash_dialects) {
    votes cast;
    std::string version;
    for (const observed_container* c : containers) {
      const auto s = desired.services.find(c->service);
      if (s == desired.services.end() || c->config_hash.empty()) continue;
      if (c->config_hash == service_hash(s->second, dialect, ids_for(joined, c->service))) ++cast.matches;
      if (dialect_of_version(version_of(*c)) != dialect) continue;
      ++cast.hints;
      if (version.empty()) version = version_of(*c);
    }
    if (!(cast > most)) continue;
    most = cast;
    best = {dialect, version};
  }
  return best;
}

std::vector<std::string> hashes_of(const service& s, const std::map<std::string, std::string>& joined) {
  std::vector<std::string> out;
  for (const auto& [number, replica] : s.found)
    out.push_back(replica.body.string_at({"Labels", "com.docker.compose.config-hash"}));
  if (!out.empty()) return out;
  for (const hash_dialect dialect : hash_dialects) out.push_back(service_hash(s, dialect, joined));
  return out;
}

}  // namespace orchestration
