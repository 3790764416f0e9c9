// What is printed reads back as the same value, compact, pretty and as Go writes it.
#include "docker_client/json.hpp"

#include "orchestration/project/config_hash.hpp"
#include "tests/fuzz/fuzz.hpp"

using docker::json;

void fuzz_one(std::string_view input) {
  json value;
  try {
    value = json::parse(input);
  } catch (const docker::json_error&) {
    return;
  }
  fuzz::expect(json::parse(value.to_text()) == value, "compact text reads back");
  fuzz::expect(json::parse(value.to_pretty_text()) == value, "pretty text reads back");
  fuzz::expect(json::parse(orchestration::go_json_text(value)) == value, "Go's text reads back");
}
