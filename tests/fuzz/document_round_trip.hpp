// For the readers of our own documents: what is read is written so that it reads as the same again, and no number
// is cut.
#pragma once

#include "docker_client/json.hpp"
#include "orchestration/snapshot/snapshot_error.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace fuzz {

/// Numbers that are in both, under the same name: none was cut to fewer bits on the way.
inline void expect_same_numbers(const docker::json& written, const docker::json& given) {
  if (written == given) return;
  if (written.is_number() && given.is_number())
    expect(written.as_int64() == given.as_int64(), "a number is read whole or refused");
  if (written.is_object() && given.is_object())
    for (const docker::json::member& each : written.object_members())
      if (const docker::json* other = given.find(each.first)) expect_same_numbers(*written.find(each.first), *other);
  if (written.is_array() && given.is_array() && written.size() == given.size())
    for (std::size_t i = 0; i < written.size(); ++i) expect_same_numbers(written.elements()[i], given.elements()[i]);
}

/// `read`: json → value, by json_error or snapshot_error when it is not one; to_json() is the way back.
template <class Read>
void expect_round_trip(std::string_view text, Read&& read) {
  try {
    const docker::json given = docker::json::parse(text);
    const docker::json written = to_json(read(given));
    expect_same_numbers(written, given);
    const docker::json again = to_json(read(docker::json::parse(written.to_text())));
    expect(again == written, "what is written reads back");
  } catch (const docker::json_error&) {
  } catch (const orchestration::snapshot_error&) {
  }
}

}  // namespace fuzz
