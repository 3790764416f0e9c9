// A compose file is refused, or loads the same each time; its long form, where that loads,
// means the same project.
#include "orchestration/project/config_hash.hpp"
#include "orchestration/project/load.hpp"
#include "tests/files/temporary_directory.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using docker::json;
using namespace orchestration;

std::optional<project> try_load(const std::filesystem::path& directory, std::string_view text) {
  test::put(directory / "compose.yaml", std::string(text));
  load_request request;
  request.current_directory = directory;
  request.files = {"compose.yaml"};
  request.project_name = "fuzz";
  request.profiles = {"*"};
  request.environment = {{"TAG", "v1"}, {"HOME", "/home/fuzz"}};
  try {
    loaded result = load(request);
    for (const finding& each : result.findings) fuzz::expect(each.level != severity::error, "what loads has no errors");
    return std::move(result.value);
  } catch (const load_error& error) {
    fuzz::expect(!error.findings().empty() && *error.what() != '\0', "a refusal says why");
    return std::nullopt;
  }
}

template <class Things>
json documents(const Things& things) {
  json out = json::make_object();
  for (const auto& [key, thing] : things) {
    fuzz::expect(json::parse(thing.document.to_text()) == thing.document, "a document is JSON");
    out[key] = thing.document;
  }
  return out;
}

json whole(const project& p) {
  return json::object({{"services", documents(p.services)},
                       {"networks", documents(p.networks)},
                       {"volumes", documents(p.volumes)},
                       {"secrets", documents(p.secrets)},
                       {"configs", documents(p.configs)}});
}

std::string hashes(const project& p) {
  std::string out;
  for (const auto& [name, each] : p.services)
    for (const hash_dialect dialect : hash_dialects) out += service_hash(each, dialect) + "\n";
  return out;
}

/// With dollars doubled where the loader looks for variables: in values, not in names.
json escaped(const json& value) {
  if (value.is_object()) {
    json out = json::make_object();
    for (const auto& [name, each] : value.object_members()) out[name] = escaped(each);
    return out;
  }
  if (value.is_array()) {
    json out = json::make_array();
    for (const json& each : value.elements()) out.push_back(escaped(each));
    return out;
  }
  if (!value.is_string()) return value;
  std::string out;
  for (const char c : value.as_string()) out.append(c == '$' ? "$$" : std::string(1, c));
  return out;
}

}  // namespace

void fuzz_one(std::string_view input) {
  static const test::temporary_directory place;
  const std::optional<project> first = try_load(place.path(), input);
  if (!first) return;
  const json document = whole(*first);
  const std::optional<project> again = try_load(place.path(), input);
  fuzz::expect(again && whole(*again) == document && hashes(*again) == hashes(*first), "it loads the same each time");

  // Not every long form loads: some members are named as Go's structs name them ("Path" of a device's weight).
  const std::optional<project> reloaded = try_load(place.path(), escaped(document).to_pretty_text());
  if (!reloaded || whole(*reloaded) == document) return;
  std::fprintf(stderr, "%s\nbecame\n%s\n", document.to_text().c_str(), whole(*reloaded).to_text().c_str());
  fuzz::expect(false, "a long form that loads means the same");
}
