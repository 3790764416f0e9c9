// Reading the canonical service, and writing request bodies without the values that mean "absent".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "docker_client/json.hpp"

namespace orchestration {

/// Adds the member unless the value is one that the engine takes as absent: null, "", false, 0, [], {}.
void put(docker::json& out, std::string_view name, docker::json value);

/// The elements of an array, or none when the member is missing or null. The document must outlive the result.
const docker::json::array& elements_of(const docker::json& document, std::string_view name);
const std::vector<docker::json::member>& members_of(const docker::json& document, std::string_view name);

/// A byte size or count: canonical services hold sizes as strings ("1048576"). 0 when missing or null.
std::int64_t amount(const docker::json& document, std::string_view name);

/// CPUs as the engine counts them, in the arithmetic of compose (float32), so that 0.1 gives 100000000.
std::int64_t nano_cpus(const docker::json& document);

/// Nanoseconds of a duration as Go prints it ("1m30s", "500ms", "1.5s"); 0 when missing or null.
/// Throws docker::json_error for any other text.
std::int64_t nanoseconds(const docker::json& document, std::string_view name);

/// "a:b" → {"a", "b"}; without the separator the second is empty.
std::pair<std::string, std::string> split_once(std::string_view text, char separator);

}  // namespace orchestration
